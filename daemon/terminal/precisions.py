"""Precision as lived, as `catalogd precision` shows it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from psycopg import Connection
from rich.console import Console
from rich.table import Table

from daemon.workloads.categorization.explanation import one_line
from daemon.workloads.categorization.people.lived import (
    ModelOfLevel,
    WeekOfLevel,
    count_newest,
    read_models,
    read_tallies,
    read_weeks,
)
from daemon.workloads.categorization.people.precision import Proposal, propose_threshold


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown. `newest` predictions were looked at, of which `at_or_above` the proposed threshold."""

    weeks: Sequence[WeekOfLevel]
    models: Sequence[ModelOfLevel]
    proposal: Proposal
    newest: int
    at_or_above: int

    @property
    def share(self) -> float | None:
        """Of the newest predictions, those at or above the threshold; None without one."""
        return self.at_or_above / self.newest if self.newest and self.proposal.threshold is not None else None


def read_report(conn: Connection, wanted: float) -> Report:
    """From one snapshot. `wanted` is in (0, 1)."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        proposal = propose_threshold(read_tallies(conn), wanted)
        newest = (0, 0) if proposal.threshold is None else count_newest(conn, proposal.threshold)
        return Report(read_weeks(conn), read_models(conn), proposal, *newest)


def as_dict(report: Report) -> dict[str, object]:
    """For --json. Shares are in [0, 1], confidences in [10, 100]."""
    proposal = report.proposal
    low, high = proposal.interval or (None, None)
    return {
        "wanted": proposal.wanted,
        "threshold": proposal.threshold,
        "decided": proposal.decided,
        "correct": proposal.correct,
        "precision": proposal.precision,
        "low": low,
        "high": high,
        "needed": proposal.needed,
        "has_too_few": proposal.has_too_few,
        "share": report.share,
        "newest": report.newest,
        "weeks": [asdict(week) for week in report.weeks],
        "models": [asdict(model) for model in report.models],
    }


def show_report(report: Report) -> None:
    """Tables and a sentence on stdout: plain where it is no terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a pipe has no width: nothing may be cut or wrapped for a grep
    if report.weeks:
        console.print(_table("week", [(str(row.week), row) for row in report.weeks]))
        console.print()
        console.print(_table("model", [(str(row.model_version or "none"), row) for row in report.models]))
        console.print()
    console.print(conclude(report), markup=False, emoji=False, soft_wrap=True)


def _table(heading: str, rows: Sequence[tuple[str, WeekOfLevel | ModelOfLevel]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(heading)
    table.add_column("level")
    for name in ("decided", "right", "precision", "between"):
        table.add_column(name, justify="right")
    for name, row in rows:
        table.add_row(
            name,
            one_line(row.level or "none"),
            f"{row.decided:,}",
            f"{row.correct:,}",
            f"{row.precision * 100:.1f} %",
            f"{row.low * 100:.1f} and {row.high * 100:.1f} %",
        )
    return table


def conclude(report: Report) -> str:
    """The threshold, what it rests on, and what it does not say."""
    proposal = report.proposal
    wanted = f"{proposal.wanted * 100:g} %"
    if proposal.interval is None or proposal.precision is None:
        return "people have not decided on any prediction yet: set predictions.status to approved or rejected"
    if proposal.has_too_few:
        return (
            f"too few decisions for {wanted}: it takes {proposal.needed:,} at or above a threshold, all of them right;"
            f" there are {proposal.decided:,}, of which {proposal.correct:,} right"
        )
    right = f"{proposal.correct:,} were right, {proposal.precision * 100:.2f} %"
    if proposal.threshold is None:
        return (
            f"no threshold reaches {wanted}: of the {proposal.decided:,} predictions that people decided on, {right};"
            f" it takes {proposal.needed:,} at or above a threshold if all of them are right, and more if some are not"
        )
    low, high = (end * 100 for end in proposal.interval)
    lines = [
        f"threshold {proposal.threshold:g} for {wanted}: of the {proposal.decided:,} predictions at or above it that"
        f" people decided on, {right}; of all such between {low:.2f} and {high:.2f} %"
    ]
    if report.share is not None:
        lines.append(f"{report.share * 100:.1f} % of the newest {report.newest:,} predictions are at or above it")
    lines.append(
        "only what people decided on is counted: where they look at some predictions only, the rest may differ"
    )
    return "\n".join(lines)
