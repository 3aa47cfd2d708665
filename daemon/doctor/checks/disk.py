"""There is room: for the database, as far as that can be seen from here, and for fetched price lists."""

import os
from collections.abc import Iterator
from pathlib import Path

from psycopg import errors

from daemon.doctor.check import Check, Finding, Needs, ok, skipped, warning, wrong
from daemon.doctor.patient import Patient, sql
from daemon.terminal.words import size
from daemon.workloads.registry import REGISTRY

LITTLE, NEARLY_NONE = 0.10, 0.02  # of the whole
ENOUGH_BYTES = 20_000_000_000  # whatever the share


def examine(patient: Patient) -> Iterator[Finding]:
    row = patient.database.execute(sql("read_size")).fetchone()
    used = row[0] if row else 0
    place = _data_directory(patient)
    free = None if place is None else _free(place)
    if place is None or free is None:
        yield skipped(
            f"the database takes {size(used)}; how much room is left where it lies cannot be seen from here",
            "look at the server: df -h, in its data_directory",
        )
    else:
        yield _judge(f"the database takes {size(used)}", place, *free)
    yield from _price_lists()


def _price_lists() -> Iterator[Finding]:
    entry = next(entry for entry in REGISTRY if entry.name == "price-lists")
    if not entry.is_installed:
        return
    from daemon.workloads.price_lists.settings import read_price_list_settings

    folder = read_price_list_settings().folder
    there = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), Path("/"))
    free = _free(there)
    if not os.access(there, os.W_OK | os.X_OK):
        yield warning(
            f"price lists are to lie in {folder}, which this user may not write to",
            "set CATALOGD_PRICE_LIST_FOLDER, or run this as the daemon's user: sudo catalogd doctor",
            folder=str(folder),
        )
    elif free is not None:
        yield _judge(f"fetched price lists lie in {folder}", there, *free)


def _data_directory(patient: Patient) -> Path | None:
    """None where the server is elsewhere, or this role may not know."""
    if not patient.is_local or patient.is_pooled:
        return None
    try:
        with patient.database.transaction():
            row = patient.database.execute(sql("read_data_directory")).fetchone()
    except errors.InsufficientPrivilege:
        return None
    return Path(row[0]) if row and row[0] else None


def _free(place: Path) -> tuple[int, int] | None:
    """Bytes that are free, and all there are."""
    try:
        system = os.statvfs(place)
    except OSError:
        return None
    return system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize


def _judge(says: str, place: Path, free: int, whole: int) -> Finding:
    says = f"{says}; {size(free)} of {size(whole)} are free there"
    remedy = f"make room in {place}; for predictions: catalogd partition, docs/scaling.md"
    share = free / whole if whole else 1.0
    if share < NEARLY_NONE:
        return wrong(says, remedy, free=free, whole=whole)
    if share < LITTLE and free < ENOUGH_BYTES:
        return warning(says, remedy, free=free, whole=whole)
    return ok(says, free=free, whole=whole)


CHECK = Check("disk", examine, Needs.DATABASE)
