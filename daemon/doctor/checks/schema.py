"""The schema is the one that this version works with."""

from collections.abc import Iterator

from daemon import __version__
from daemon.database.schema import checksums, inspect, thing_of
from daemon.doctor.check import Check, Finding, Needs, ok, wrong
from daemon.doctor.patient import Patient
from daemon.terminal.words import count


def examine(patient: Patient) -> Iterator[Finding]:
    """Also notes whether there are tables to look at, be they as they should or not."""
    state = inspect(patient.database)
    patient.is_migrated = len(state.missing) < len(checksums())
    if state.unknown:
        says = f"it is newer than this catalogd {__version__}: {state.unknown[-1]}"
        yield wrong(says, "install the version that migrated it", unknown=state.unknown)
    elif state.edited:
        number = count(len(state.edited), "thing was", "things were")
        says = f"{number} changed since it was migrated, the first: {_say(state.edited[0])}"
        yield wrong(says, "catalogd migrate, as the owner", edited=state.edited)
    elif state.missing:
        says = f"{len(state.missing)} of {len(checksums())} migrations are missing, the first is {state.missing[0]}"
        yield wrong(says, "catalogd migrate, as the owner, then catalogd grants | psql", missing=state.missing)
    else:
        yield ok(f"{len(checksums())} migrations, the last is {max(checksums())}")


def _say(line: str) -> str:
    is_trigger = line.startswith("trigger ")
    return f"{thing_of(line)} is gone, {'switched off ' if is_trigger else ''}or another"


CHECK = Check("schema", examine, Needs.DATABASE)
