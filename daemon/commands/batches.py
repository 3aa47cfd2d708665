"""Batches as `catalogd status` shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from daemon.database.statements import statement
from daemon.workloads.categorization.drift.store import Drift
from daemon.workloads.categorization.explanation import one_line

LARGEST_ID = 2**63 - 1
COLOURS = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "processing": "cyan",
    "pending": "blue",
}
MEANINGS = {
    "low": "with low confidence",
    "unknown": "of what is said unknown",
    "unknown_manufacturers": "from unknown manufacturers",
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


def list_batches(conn: Connection, batch_id: int | None) -> list[Batch]:
    """The open and the latest batches, or the one with this id; empty when there is none."""
    if batch_id is not None and not 0 <= batch_id <= LARGEST_ID:
        return []
    with conn.cursor(row_factory=class_row(Batch)) as cursor:
        return cursor.execute(statement("daemon.commands", "list_batches"), {"batch_id": batch_id}).fetchall()


def show_batches(batches: Sequence[Batch]) -> None:
    """A table on stdout: plain where it is no terminal."""
    table = Table(box=None, pad_edge=False)
    table.add_column("batch", justify="right")
    table.add_column("status")
    table.add_column("progress", width=20)
    for heading in ("done", "of", "errors", "waited", "took", "per second"):
        table.add_column(heading, justify="right")
    for batch in batches:
        rate = batch.items_per_s
        table.add_row(
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
        )
    console = _console()
    console.print(table)
    for batch in batches:
        if batch.error_message:
            console.print(f"batch {batch.id}: {one_line(batch.error_message)}", markup=False, emoji=False)


def show_drift(drifts: Sequence[Drift]) -> None:
    """A line for each batch: what it is like, and what was usual when the model was learned."""
    console = _console()
    for drift in drifts:
        parts = [
            f"{getattr(drift.seen, figure):.1%} {meaning}"
            + (f" (usually {getattr(drift.usual, figure):.1%})" if drift.usual else "")
            for figure, meaning in MEANINGS.items()
        ]
        verdict = "is unlike what was learned from" if drift.outside else "in figures"
        style = "yellow" if drift.outside else ""
        console.print(Text(f"batch {drift.batch_id} {verdict}: {', '.join(parts)}", style=style), soft_wrap=True)


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a pipe has no width: nothing may be cut or wrapped for a grep
    return console
