"""What the demo shows: its steps as they are taken, the progress of a batch, the report."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import monotonic

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from daemon.demo.orders import Ended, Example, ItemError, Judged

LINE_EVERY_S = 1.0  # where there is no terminal

PHP = (
    "$pdo->prepare('INSERT INTO categorization_batches (product_ids, created_by) VALUES (?, ?)')",
    "    ->execute([json_encode($productIds), $userId]);",
)


@dataclass
class Step:
    """One step under way; `done` is the sentence for its end."""

    done: str


@dataclass(frozen=True, slots=True)
class Report:
    """What is told at the end."""

    batches: Sequence[Ended]  # the big one, then the small ones
    judged: Sequence[Judged]
    examples: Sequence[Example]
    item_errors: Sequence[ItemError]


class Screen:
    """Writes to a terminal, or plain lines to a file; remembers how long each step took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._took: list[tuple[str, float]] = []
        self._began = monotonic()

    def say(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(text, style=style))

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """Time a step; `name` is how the report calls it."""
        began = monotonic()
        step = Step(done=doing)
        with self._console.status(f"{doing} ..."):
            yield step
        took = monotonic() - began
        self._took.append((name, took))
        self._console.print(Text.assemble("  ", ("✓ ", "green"), f"{step.done:<70}", (f"{took:5.1f} s", "dim")))

    @contextmanager
    def progress(self, name: str, title: str, total: int, unit: str = "products") -> Iterator["Bar"]:
        """A live bar for `total` items, also timed."""
        began = monotonic()
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            columns = (
                TextColumn("  {task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
                TextColumn(f"{{task.fields[rate]:,.0f}} {unit}/s", style="bold"),
            )
            with Progress(*columns, console=self._console, refresh_per_second=20) as live:
                yield LiveBar(live, live.add_task(title, total=total, rate=0.0), began)
        else:
            yield PlainBar(self, title, total, unit, began)
        self._took.append((name, monotonic() - began))

    def report(self, report: Report) -> None:
        """What became of the batches."""
        self._show_accuracy(report.judged)
        self._show_small_batches(report.batches)
        self._show_examples(report.examples)
        self._show_item_errors(report.item_errors, report.batches)

    def close(self, report: Report) -> None:
        """The end, after everything was stopped."""
        self._show_times(report.batches[0])
        self._show_next()

    def _show_accuracy(self, judged: Sequence[Judged]) -> None:
        self.head("How sure it was, and how often it was right", "on invented products whose category was held back")
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        table.add_column("confidence")
        for heading in ("products", "share", "right", "wrong"):
            table.add_column(heading, justify="right")
        total = sum(each.predicted for each in judged)
        everything = Judged("all", total, sum(each.right for each in judged))
        for each in (*judged, everything):
            table.add_row(
                each.level,
                f"{each.predicted:,}",
                percent(each.predicted, total),
                Text(percent(each.right, each.predicted, digits=2), style="bold"),
                f"{each.predicted - each.right:,}",
            )
        self.table(table)

    def _show_small_batches(self, batches: Sequence[Ended]) -> None:
        big, *small = batches
        self.head("Small batches do not wait behind big ones")
        durations = [batch.duration_s for batch in small]
        earlier = sum(batch.completed_at < big.completed_at for batch in small)
        self.paragraph(
            f"The big batch took {seconds(big.duration_s)}. The {len(small)} small ones inserted behind it were done"
            f" {seconds(min(durations))} to {seconds(max(durations))} after their insert"
            f" (median {seconds(median(durations))}), {earlier} of them before the big one."
        )

    def _show_examples(self, examples: Sequence[Example]) -> None:
        self.head("Why: a prediction of each level", "the same as: catalogd explain ID")
        for example in examples:
            first, *others = example.words.splitlines()
            self.paragraph(first, style="bold")
            for line in others:
                self.paragraph(line.removeprefix("  "), indent=4)
            verdict = ("right", "green") if example.is_right else ("wrong", "red")
            self._console.print(Text.assemble(f"    held back was {example.truth}: ", verdict))
            if example is not examples[-1]:
                self.say()

    def _show_item_errors(self, errors: Sequence[ItemError], batches: Sequence[Ended]) -> None:
        self.head("Items in error", "the rest of their batch went on; the same as: catalogd errors ID")
        ended = {batch.id: batch for batch in batches}
        for error in errors:
            batch = ended[error.batch_id]
            self.paragraph(
                f"batch {batch.id}: item {error.item}, {error.code}: {error.message};"
                f" its other {batch.success} products were treated"
            )

    def _show_times(self, big: Ended) -> None:
        self.head("Where the time went")
        took = " · ".join(f"{name} {duration:.1f}" for name, duration in self._took)
        self.paragraph(f"{took} · in all {monotonic() - self._began:.1f} s")
        self.paragraph(
            f"{big.items_per_s:,.0f} products/s is one daemon's pace on this machine, with a server that shares it"
            " and does not wait for the disk."
        )

    def _show_next(self) -> None:
        self.head("What next", "the daemon and the server are stopped, nothing is left behind")
        self.paragraph("In PHP, this is all:")
        for line in PHP:
            self.paragraph(line, indent=4)
        self.paragraph("Do it yourself, step by step, in 30 minutes: docs/tutorial.md")
        self.paragraph("With your own shop: set DATABASE_URL, then catalogd migrate, catalogd learn, catalogd run.")
        self.paragraph("All the rest: README.md and catalogd --help")

    def head(self, title: str, remark: str = "") -> None:
        self.say()
        self._console.print(Text.assemble((title, "bold cyan"), (f"  ({remark})" if remark else "", "dim")))

    def table(self, table: Table) -> None:
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def paragraph(self, text: str, indent: int = 2, style: str = "") -> None:
        self._console.print(Padding(Text(text, style=style), (0, 0, 0, indent), expand=False))


class Bar:
    """Shows how far a batch is."""

    def __init__(self, began: float) -> None:
        self._began = began

    def rate(self, processed: int) -> float:
        return processed / max(monotonic() - self._began, 0.001)

    def show(self, processed: int, *, is_last: bool = False) -> None:
        raise NotImplementedError


class LiveBar(Bar):
    """A bar that moves, on a terminal."""

    def __init__(self, live: Progress, task: TaskID, began: float) -> None:
        super().__init__(began)
        self._live = live
        self._task = task

    def show(self, processed: int, *, is_last: bool = False) -> None:
        self._live.update(self._task, completed=processed, rate=self.rate(processed), refresh=is_last)


class PlainBar(Bar):
    """A line now and then, and one at the end."""

    def __init__(self, screen: Screen, title: str, total: int, unit: str, began: float) -> None:
        super().__init__(began)
        self._screen = screen
        self._title = title
        self._total = total
        self._unit = unit
        self._said_at = began

    def show(self, processed: int, *, is_last: bool = False) -> None:
        if is_last or (processed and monotonic() - self._said_at >= LINE_EVERY_S):
            self._said_at = monotonic()
            rate = self.rate(processed)
            self._screen.say(f"  {self._title} {processed:,} of {self._total:,}, {rate:,.0f} {self._unit}/s")


def percent(part: int, whole: int, digits: int = 1) -> str:
    return f"{100 * part / whole:.{digits}f} %" if whole else "-"


def seconds(duration_s: float) -> str:
    return f"{duration_s:.1f} s" if duration_s >= 1 else f"{duration_s * 1000:.0f} ms"
