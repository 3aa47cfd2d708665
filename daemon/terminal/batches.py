"""Batches and their item errors, read for people and scripts."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.statements import statement
from daemon.engine.status import BatchStatus
from daemon.workloads.kind import Kind, Sight
from daemon.workloads.registry import REGISTRY

MOST_COUNTED = 10_000  # open batches; as in sql/count_open.sql
LARGEST_ID = 2**63 - 1
OPEN = (BatchStatus.PENDING, BatchStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's row without its items; durations in seconds, `run_s` None before it started."""

    id: int
    status: str
    total: int
    processed: int
    success: int
    errors: int
    retry_count: int
    created_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None
    wait_s: float
    run_s: float | None

    @property
    def items_per_s(self) -> float | None:
        """On average since it started."""
        return self.processed / self.run_s if self.run_s else None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch with its kind of work, and what that says of it."""

    kind: Kind
    batch: Batch
    sight: Sight

    @property
    def key(self) -> tuple[str, int]:
        return self.kind.name, self.batch.id

    @property
    def as_json(self) -> dict[str, object]:
        return {"kind": self.kind.name} | asdict(self.batch) | dict(self.sight.facts)


@dataclass(frozen=True, slots=True)
class ItemError:
    """An item that could not be treated; `item` is JSON."""

    id: int
    item: str
    code: str
    message: str
    details: Any  # as JSON


def list_batches(conn: Connection, kind: Kind, batch_id: int | None) -> list[Listed]:
    """The open and the latest batches, or the one with this id; empty when there is none."""
    if batch_id is not None and not 0 <= batch_id <= LARGEST_ID:
        return []
    with conn.cursor(row_factory=class_row(Batch)) as cursor:
        batches = cursor.execute(_statement("list_batches", kind), {"batch_id": batch_id}).fetchall()
    sights = kind.look(conn, [batch.id for batch in batches])
    return [Listed(kind, batch, sights.get(batch.id, Sight())) for batch in batches]


def count_open(conn: Connection, kind: Kind) -> dict[str, int]:
    """How many batches of each open status there are, up to MOST_COUNTED in all."""
    return dict(conn.execute(_statement("count_open", kind)).fetchall())


def find_elsewhere(conn: Connection, kind: Kind, batch_id: int, command: str) -> str:
    """The end of a sentence: where there is a batch of this number, if it is of another kind of work only."""
    if list_batches(conn, kind, batch_id):
        return ""
    for entry in REGISTRY:
        if entry.name != kind.name and list_batches(conn, entry.describe(), batch_id):
            return f"; there is one of {entry.name}: catalogd {command} {batch_id} --of {entry.name}"
    return ""


def list_errors(conn: Connection, kind: Kind, batch_id: int) -> Iterator[ItemError]:
    """Page by page: a pager that waits must hold no transaction open."""
    after = 0
    while True:
        with conn.cursor(row_factory=class_row(ItemError)) as cursor:
            parameters = {"batch_id": batch_id, "after": after}
            page = cursor.execute(_statement("list_errors", kind), parameters).fetchall()
        if not page:
            return
        yield from page
        after = page[-1].id


def _statement(name: str, kind: Kind) -> bytes:
    return statement("daemon.terminal", name, **kind.table.identifiers)
