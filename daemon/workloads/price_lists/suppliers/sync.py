"""Syncs the suppliers with their sheet, and orders an import for each that is active."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import structlog

from daemon.database.statements import load
from daemon.engine.workload import Duty, DutyFailed, DutyInterrupted, Means
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.fetch import Fetched, fetch
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import LookUp, look_up
from daemon.workloads.price_lists.fetching.pulse import Pulse
from daemon.workloads.price_lists.fetching.sheets import HOSTS
from daemon.workloads.price_lists.fetching.shelf import FileGone, Shelf
from daemon.workloads.price_lists.fetching.source import Source, SourceKind
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.suppliers import store
from daemon.workloads.price_lists.suppliers.sheet import BadRow, Sheet, read_sheet
from daemon.workloads.price_lists.trust import trusting

log = structlog.get_logger()

NAME = "price-lists.sync"
MOST_GONE_PERCENT = 50  # of the suppliers that came from the sheet
FEW = 3  # suppliers of which all may go
MOST_TOLD = 50  # bad rows that are logged


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did."""

    suppliers: int  # that the sheet has and could be used
    new: int
    changed: int
    set_inactive: Sequence[str]
    imports: int
    bad: Sequence[BadRow]


def sync_duty(place: str, every: timedelta, shelf: Shelf, limits: Limits) -> Duty:
    load(store.PACKAGE)
    return Duty(NAME, every, lambda means: _act(means, place, shelf, limits))


def _act(means: Means, place: str, shelf: Shelf, limits: Limits) -> None:
    synced = sync(means, place, shelf, limits)
    for row in synced.bad[:MOST_TOLD]:
        log.warning("supplier.refused", line=row.line, supplier=row.name, reason=row.reason)
    log.info(
        "suppliers.synced",
        suppliers=synced.suppliers,
        new=synced.new,
        changed=synced.changed,
        set_inactive=len(synced.set_inactive),
        imports=synced.imports,
        bad_rows=len(synced.bad),
    )


def sync(
    means: Means, place: str, shelf: Shelf, limits: Limits, *, is_forced: bool = False, look_up: LookUp = look_up
) -> Synced:
    """Do it once. A sheet that cannot be read, or has lost most of its suppliers, changes nothing, unless that is
    forced. Raises DutyFailed, and DutyInterrupted once the daemon stops."""

    def beat() -> None:
        means.beat()
        if means.stop.is_set():
            raise DutyInterrupted

    with means.connection() as conn:
        since = store.read_time(conn)
    try:
        sheet = _read(place, shelf, limits, beat, look_up)
    except FetchFailed as failure:
        raise DutyFailed(f"the sheet of suppliers could not be fetched: {failure.message}") from failure
    except (ListUnreadable, OSError, FileGone) as error:
        raise DutyFailed(f"the sheet of suppliers could not be read: {error}") from error
    if not sheet.entries:
        raise DutyFailed("the sheet of suppliers names no supplier that can be used: nothing was changed")
    beat()
    with means.connection() as conn, conn.transaction():
        store.lock(conn)
        known, gone = store.count_gone(conn, sheet.names)
        if not is_forced and known > FEW and 100 * gone > MOST_GONE_PERCENT * known:
            raise DutyFailed(
                f"the sheet of suppliers has lost {gone} of {known} suppliers: nothing was changed;"
                " if that is right, run catalogd sync-suppliers --force"
            )
        written = store.write_suppliers(conn, sheet.entries)
        inactive = [] if sheet.may_miss_some else store.set_inactive(conn, sheet.names)
        imports = store.order_imports(conn, since)
    return Synced(len(sheet.entries), written.new, written.changed, sorted(inactive), imports, sheet.bad)


def _read(place: str, shelf: Shelf, limits: Limits, beat: Callable[[], None], look_up: LookUp) -> Sheet:
    """The operator named the place: that host, or that folder, may be read."""
    place = place.strip()
    tick = lambda _received, _expected: beat()  # noqa: E731
    is_google = any(host in place for host in HOSTS)
    source = Source(SourceKind.GOOGLE_SHEETS if is_google else SourceKind.CSV, place)
    if source.is_on_the_web:
        limits, look_up = trusting(source.url, limits, Pulse(tick, limits), look_up)
    else:
        path = Path(place).absolute()
        if not path.parent.is_dir():
            raise FetchFailed("no_such_file", f"there is no folder {path.parent}")
        limits = replace(limits, folders=(*limits.folders, path.parent))
        source = Source(source.kind, str(path))
    fetched = fetch(source, shelf, limits, None, tick, look_up)
    assert isinstance(fetched, Fetched)  # noqa: S101  # there was no previous one
    with shelf.use(fetched.file.name) as file:
        return read_sheet(file.path, beat)
