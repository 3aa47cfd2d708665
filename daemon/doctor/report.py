"""The examination on one page, or as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.doctor.check import Finding, Level, skipped
from daemon.doctor.examination import Result
from daemon.terminal.words import count
from daemon.workloads.categorization.explanation import one_line

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.WRONG: "bold red", Level.SKIPPED: "dim"}
LEVEL_WIDTH, NAME_WIDTH = 7, 13


def print_results(console: Console, results: Iterable[Result]) -> list[Result]:
    """A line or more for each that was run, as they come, one for all that were not for one reason, and how many of
    what; returns them all."""
    seen: list[Result] = []
    for result in results:
        seen.append(result)
        if result.was_run:
            for finding in result.findings:
                _print(console, finding, result.name)
    not_run = Counter(finding.says for result in seen if not result.was_run for finding in result.findings)
    for says, number in not_run.items():
        _print(console, skipped(says), count(number, "check"))
    console.print(summarize(seen), markup=False)
    return seen


def as_json(results: Sequence[Result]) -> list[dict[str, object]]:
    """An object for each finding."""
    return [{"check": result.name} | asdict(finding) for result in results for finding in result.findings]


def summarize(results: Sequence[Result]) -> str:
    counted = Counter(finding.level for result in results for finding in result.findings)
    words = {Level.WRONG: "wrong", Level.WARNING: "to think about", Level.SKIPPED: "skipped", Level.OK: "good"}
    parts = [f"{counted[level]} {word}" for level, word in words.items() if counted[level]]
    return f"{', '.join(parts)}: {'mend what is wrong' if counted[Level.WRONG] else 'nothing must be mended'}"


def _print(console: Console, finding: Finding, name: str) -> None:
    if console.is_terminal:
        console.print(_lines(finding, name, console.width))
    else:
        console.file.writelines(_plain_lines(finding, name))


def _lines(finding: Finding, name: str, width: int) -> Table:
    """What was found beside its level and name; the remedy below. Nothing is cut."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=LEVEL_WIDTH)
    table.add_column(width=NAME_WIDTH)
    table.add_column(width=max(width - LEVEL_WIDTH - NAME_WIDTH - 4, 20), overflow="fold")
    table.add_row(Text(finding.level, style=STYLES[finding.level]), Text(name), Text(one_line(finding.says)))
    if finding.remedy:
        table.add_row("", "", Text(f"→ {one_line(finding.remedy)}"))
    return table


def _plain_lines(finding: Finding, name: str) -> Iterator[str]:
    """For a pipe: not wrapped."""
    yield f"{finding.level:<{LEVEL_WIDTH}}  {name:<{NAME_WIDTH}}  {one_line(finding.says)}\n"
    if finding.remedy:
        yield f"{'':<{LEVEL_WIDTH + NAME_WIDTH + 4}}→ {one_line(finding.remedy)}\n"
