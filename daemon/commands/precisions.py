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
    console.print(conclude(report), markup=False, emoji=False)


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
            f"{row.precision:.1%}",
            f"{row.low:.1%} and {row.high:.1%}",
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
    low, high = proposal.interval
    found = f"{proposal.correct:,} of {proposal.decided:,} decisions right ({proposal.precision:.2%})"
    if proposal.threshold is None:
        return (
            f"no threshold reaches {wanted} by what people decided: of all predictions they decided on, {found};"
            f" where most are right, {proposal.needed:,} decisions show it, and more if some are wrong"
        )
    share = "" if report.share is None else f"; {report.share:.1%} of the newest {report.newest:,} predictions are"
    return (
        f"threshold {proposal.threshold:g} for {wanted}: at or above it {found},"
        f" that is between {low:.2%} and {high:.2%}{share}\n"
        "only what people decided on is counted: where they look at some predictions only, it may differ"
    )
