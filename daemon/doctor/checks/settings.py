"""The settings are right, and no variable is a typing error that nothing reads."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

from daemon.doctor.check import Check, Finding, Needs, ok, warning, wrong
from daemon.doctor.patient import Patient
from daemon.errors import ConfigurationError
from daemon.sessions import name_instance, session_of
from daemon.settings import Settings, environment_names, read_group, read_settings
from daemon.workloads.registry import settings_groups

DOTENV = Path(".env")


def examine(patient: Patient) -> Iterator[Finding]:
    """Also gives the patient its settings."""
    try:
        patient.settings = read_settings()
        for group in settings_groups():
            if group is not Settings:
                read_group(group)
    except ConfigurationError as error:
        yield wrong(str(error), "set it right, in the environment, the unit's EnvironmentFile or .env")
        return
    patient.session = session_of(patient.settings, name_instance())
    known = {name for group in settings_groups() for name in environment_names(group)}
    dotenv = dotenv_values(DOTENV) if DOTENV.is_file() else {}
    names = {*patient.environ, *dotenv}
    strange = list(find_strange(names, known))
    yield from (_describe(name, meant) for name, meant in strange)
    if not strange:
        own = sorted(names & known)
        source = " and .env" if dotenv else ""
        yield ok(f"{len(own)} set in the environment{source}, each one known", names=own)


def find_strange(names: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each name that looks like ours and is read by nobody, with the one that is most like it, or nothing."""
    choices = list(known)
    for name in sorted(names):
        is_ours = name.upper().startswith("CATALOGD_") or name.upper() in choices
        if is_ours and name not in choices:
            yield name, next(iter(get_close_matches(name.upper(), choices, 1, 0.75)), "")


def _describe(name: str, meant: str) -> Finding:
    remedy = f"is {meant} meant?" if meant else "unset it, or see the names in man catalogd"
    return warning(f"{name} is read by nothing that is installed here", remedy, name=name, meant=meant or None)


CHECK = Check("settings", examine, Needs.NOTHING)
