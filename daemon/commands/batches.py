"""Batches as `catalogd status` shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from daemon.commands.kinds import call
from daemon.database.statements import statement
from daemon.workloads.categorization.explanation import one_line
from daemon.workloads.kind import Kind, Sight
from daemon.workloads.registry import REGISTRY

LARGEST_ID = 2**63 - 1
COLOURS = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "processing": "cyan",
    "pending": "blue",
}


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
        return self.processed / self.run_s if self.run_s else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch with its kind of work, and what that says of it."""

    kind: Kind
    batch: Batch
    sight: Sight

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


def show_batches(listed: Sequence[Listed]) -> None:
    """A table on stdout: plain where it is no terminal."""
    has_kinds = len({each.kind.name for each in listed}) > 1
    own = list(dict.fromkeys(heading for each in listed for heading in each.sight.cells))
    table = Table(box=None, pad_edge=False)
    if has_kinds:
        table.add_column("of")
    table.add_column("batch", justify="right")
    table.add_column("status")
    table.add_column("progress", width=20)
    for heading in ("done", "of", "errors", "waited", "took", "per second"):
        table.add_column(heading, justify="right")
    for heading in own:
        table.add_column(heading)
    for each in listed:
        batch = each.batch
        rate = batch.items_per_s
        table.add_row(
            *([each.kind.name] if has_kinds else []),
            str(batch.id),
            Text(one_line(batch.status), style=COLOURS.get(batch.status, "")),
            ProgressBar(
                total=max(batch.total, 1),
                completed=batch.processed if batch.total or not batch.completed_at else 1,
                width=20,
            ),
            f"{batch.processed:,}",
            f"{batch.total:,}",
            f"{batch.errors:,}" if batch.errors else "",
            f"{batch.wait_s:.2f} s",
            "" if batch.run_s is None else f"{batch.run_s:.2f} s",
            f"{rate:,.0f}" if rate else "",
            *(Text(one_line(each.sight.cells.get(heading, ""))) for heading in own),
        )
    console = _console()
    console.print(table)
    for each in listed:
        if each.batch.error_message:
            sentence = f"{call(each.kind, each.batch.id)}: {one_line(each.batch.error_message)}"
            console.print(sentence, markup=False, emoji=False)


def show_remarks(listed: Sequence[Listed]) -> None:
    """A line for each batch of which there is something to say."""
    console = _console()
    for each in listed:
        if each.sight.remark:
            style = "yellow" if each.sight.is_warning else ""
            sentence = f"{call(each.kind, each.batch.id)} {each.sight.remark}"
            console.print(Text(sentence, style=style), soft_wrap=True)


def _statement(name: str, kind: Kind) -> bytes:
    return statement("daemon.commands", name, **kind.table.identifiers)


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a pipe has no width: nothing may be cut or wrapped for a grep
    return console
