"""Reads batches of any kind of work, for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from daemon.database.bulk import id_list
from daemon.database.statements import statement
from daemon.workloads.kind import Kind, Sight

PAGE = 50
WINDOW = 20_000  # batches that are looked through for one page
MOST_OPEN = 100  # are shown
MOST_COUNTED = 10_000  # open batches of a status; of so many, "or more" is said
LAST = 10  # ended
ERRORS = 25  # of a page
MOST_ERRORS = 20_000  # are counted by code
LARGEST_ID = 2**63 - 1
ENDED = ("completed", "failed", "cancelled")
RETRIES = 2  # the third time a batch is refused


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's row without its items; durations in seconds."""

    id: int
    status: str
    total: int
    processed: int
    success: int
    errors: int
    retry_count: int
    created_by: int | None
    created_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None
    created_s_ago: float | None
    completed_s_ago: float | None
    wait_s: float | None
    run_s: float | None

    @property
    def is_open(self) -> bool:
        return self.status not in ENDED

    @property
    def items_per_s(self) -> float | None:
        """Since it was started."""
        return self.processed / self.run_s if self.run_s and self.status != "pending" else None

    @property
    def remaining_s(self) -> float | None:
        """How long it will take at the rate that it had so far; None where that says nothing."""
        pace = self.items_per_s
        return (self.total - self.processed) / pace if self.status == "processing" and pace else None

    @property
    def done(self) -> float:
        """The share that was treated."""
        if self.total:
            return min(self.processed / self.total, 1.0)
        return 1.0 if self.status == "completed" else 0.0

    @property
    def may_be_retried(self) -> bool:
        return (
            not self.is_open and self.retry_count < RETRIES and (self.success < self.total or self.status == "failed")
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch with its kind of work, and what that says of it."""

    kind: Kind
    batch: Batch
    sight: Sight

    @property
    def path(self) -> str:
        return f"/batches/{self.kind.name}/{self.batch.id}"

    @property
    def key(self) -> str:
        """By which the living page knows it again."""
        return f"{self.kind.name}-{self.batch.id}"


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
class ItemError:
    """An item that could not be treated; `item` is JSON."""

    id: int
    item: str
    code: str
    message: str
    details: Any


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """Errors of a batch, and how many there are of each code, of the MOST_ERRORS first."""

    errors: Sequence[ItemError]
    codes: Mapping[str, int]
    next: int | None


def read_batches(conn: Connection, kind: Kind, ids: Sequence[int]) -> list[Listed]:
    """Those that are there, in the order of the ids."""
    if not ids:
        return []
    with conn.cursor(row_factory=class_row(Batch)) as cursor:
        rows = cursor.execute(_statement("read_batches", kind), {"ids": id_list(ids)}).fetchall()
    found = {batch.id: batch for batch in rows}
    sights = kind.look(conn, list(found))
    return [Listed(kind, found[id], sights.get(id, Sight())) for id in ids if id in found]


def read_batch(conn: Connection, kind: Kind, batch_id: int) -> Listed | None:
    return next(iter(read_batches(conn, kind, [batch_id])), None)


def read_open(conn: Connection, kind: Kind) -> list[Listed]:
    return read_batches(conn, kind, _ids(conn, kind, "find_open", limit=MOST_OPEN))


def read_ended(conn: Connection, kind: Kind) -> list[Listed]:
    return read_batches(conn, kind, _ids(conn, kind, "find_ended", limit=LAST, window=10 * LAST))


def count_open(conn: Connection, kind: Kind) -> tuple[int, int]:
    """How many are worked on, and how many wait; MOST_COUNTED stands for that many or more."""
    row = conn.execute(_statement("count_open", kind), {"limit": MOST_COUNTED}).fetchone()
    assert row is not None  # noqa: S101  # an aggregate has a row
    return int(row[0]), int(row[1])


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


def read_errors(conn: Connection, kind: Kind, batch_id: int, code: str | None, after: int) -> ErrorPage:
    counted = conn.execute(_statement("count_errors", kind), {"batch_id": batch_id, "limit": MOST_ERRORS})
    codes = {str(name): int(items) for name, items in counted}
    with conn.cursor(row_factory=class_row(ItemError)) as cursor:
        parameters = {"batch_id": batch_id, "code": code, "after": after, "limit": ERRORS + 1}
        errors = cursor.execute(_statement("list_errors", kind), parameters).fetchall() if codes else []
    return ErrorPage(errors[:ERRORS], codes, errors[ERRORS - 1].id if len(errors) > ERRORS else None)


def list_instances(conn: Connection) -> list[str]:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement("daemon.web", "list_instances")).fetchall()


def _ids(conn: Connection, kind: Kind, name: str, **parameters: object) -> list[int]:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_statement(name, kind), parameters).fetchall()


def _statement(name: str, kind: Kind) -> bytes:
    return statement("daemon.web", name, **kind.table.identifiers)
