"""Tidies up: files of the shelf that nobody used for a day, and lines of imports that ended a day ago."""

from datetime import timedelta

import structlog

from daemon.database.statements import load, statement
from daemon.engine.workload import Duty, DutyFailed, DutyInterrupted, Means
from daemon.workloads.price_lists.fetching.shelf import Shelf

log = structlog.get_logger()

PACKAGE = "daemon.workloads.price_lists.tidying"
EVERY = timedelta(hours=6)
KEPT = timedelta(hours=24)
PORTION = 5_000  # lines that one transaction deletes


def tidying_duty(shelf: Shelf) -> Duty:
    load(PACKAGE)
    return Duty("price-lists.tidy", EVERY, lambda means: tidy(means, shelf))


def tidy(means: Means, shelf: Shelf) -> None:
    """What is still in use stays. Lines that are gone are fetched and read again when their import is set back."""
    lines = 0
    while (deleted := _delete_lines(means)) is not None:
        lines += deleted
        means.beat()
        if means.stop.is_set():
            raise DutyInterrupted
    try:
        removed = shelf.remove_older_than(KEPT, means.beat)
    except OSError as error:
        raise DutyFailed(f"the folder of fetched lists cannot be tidied up: {error.strerror or error}") from error
    log.info(
        "shelf.tidied",
        files=removed.files,
        leftovers=removed.leftovers,
        size_bytes=removed.size_bytes,
        in_use=removed.in_use,
        lines=lines,
    )


def _delete_lines(means: Means) -> int | None:
    """How many of one import; None when there are none left."""
    with means.connection() as conn, conn.transaction():
        row = conn.execute(statement(PACKAGE, "find_old_lines"), {"age": KEPT}).fetchone()
        if row is None:
            return None
        conn.execute(statement(PACKAGE, "drop_preparation"), {"import_id": row[0]})
        parameters = {"import_id": row[0], "limit": PORTION}
        return conn.execute(statement(PACKAGE, "delete_lines"), parameters).rowcount
