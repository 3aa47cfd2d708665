"""Which batches and errors a page shows, of any kind of work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import scalar_row

from daemon.batches.batch import LARGEST_ID, ItemError, Listed
from daemon.batches.reading import count_errors, read_batches, read_errors
from daemon.database.statements import statement
from daemon.workloads.kind import Kind

PAGE = 50
WINDOW = 20_000  # batches that are looked through for one page
MOST_OPEN = 100  # are shown
LAST = 10  # ended
ERRORS = 25  # of a page
MOST_ERRORS = 20_000  # are counted by code


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; what is None or false, is not."""

    status: str | None = None
    with_errors: bool = False
    created_by: int | None = None
    text: str | None = None

    @property
    def is_any(self) -> bool:
        return self == Filter()


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A page of batches. `next` is where the next one begins; `looked_through` is how many were, for a filter, where
    the page is not full although there are more."""

    listed: Sequence[Listed]
    next: int | None
    looked_through: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """Errors of a batch, and how many there are of each code, of the MOST_ERRORS first."""

    errors: Sequence[ItemError]
    codes: Mapping[str, int]
    next: int | None


def read_open(conn: Connection, kind: Kind) -> list[Listed]:
    return read_batches(conn, kind, _ids(conn, kind, "find_open", limit=MOST_OPEN))


def read_ended(conn: Connection, kind: Kind) -> list[Listed]:
    return read_batches(conn, kind, _ids(conn, kind, "find_ended", limit=LAST, window=10 * LAST))


def read_page(conn: Connection, kind: Kind, wanted: Filter, before: int | None) -> BatchPage:
    """The newest batches below an id that are as wanted."""
    parameters = {"before": LARGEST_ID if before is None else before, "window": WINDOW}
    ids = _ids(
        conn,
        kind,
        "find_page",
        **parameters,
        status=wanted.status,
        with_errors=wanted.with_errors,
        created_by=wanted.created_by,
        text=wanted.text,
        limit=PAGE + 1,
    )
    listed = read_batches(conn, kind, ids[:PAGE])
    if len(ids) > PAGE:
        return BatchPage(listed, ids[PAGE - 1])
    row = conn.execute(_statement("find_window", kind), parameters).fetchone()
    oldest, number = row if row else (None, 0)
    return BatchPage(listed, oldest, number) if number >= WINDOW else BatchPage(listed, None)


def read_error_page(conn: Connection, kind: Kind, batch_id: int, code: str | None, after: int) -> ErrorPage:
    codes = count_errors(conn, kind, batch_id, MOST_ERRORS)
    errors = read_errors(conn, kind, batch_id, after, ERRORS + 1, code) if codes else []
    return ErrorPage(errors[:ERRORS], codes, errors[ERRORS - 1].id if len(errors) > ERRORS else None)


def _ids(conn: Connection, kind: Kind, name: str, **parameters: object) -> list[int]:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_statement(name, kind), parameters).fetchall()


def _statement(name: str, kind: Kind) -> bytes:
    return statement("daemon.web", name, **kind.table.identifiers)
