"""Imports of price lists as `catalogd import-prices` shows them: under way, and when they have ended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event
from time import monotonic
from typing import Any

from psycopg import Connection
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from daemon.batches.fleet import is_anyone_at_work
from daemon.errors import DaemonError
from daemon.workloads.categorization.explanation import one_line
from daemon.workloads.price_lists.order import Phase
from daemon.workloads.price_lists.result import ErrorCount, Result, read_progress
from daemon.workloads.price_lists.result import Progress as Stand

POLL_S = 0.1
PATIENCE_S = 3.0  # how long nothing moves before it is asked whether anyone is at work
LINE_EVERY_S = 1.0  # where there is no terminal
DOING = {Phase.DOWNLOADING: "fetching", Phase.ANALYZING: "reading", Phase.MATCHING: "matching"}

Show = Callable[[Stand], None]


def follow(conn: Connection, import_id: int, show: Show) -> None:
    """Poll the import's row until it has ended. Raises DaemonError when it is gone, or nobody is there to do it."""
    pause = Event()
    before, moved_at = None, monotonic()
    while True:
        stand = read_progress(conn, import_id)
        if stand is None:
            raise DaemonError(f"import {import_id} was deleted while it was under way")
        show(stand)
        if not stand.is_open:
            return
        if stand != before:
            before, moved_at = stand, monotonic()
        elif monotonic() - moved_at > PATIENCE_S:
            if not is_anyone_at_work(conn):
                raise DaemonError(f"no instance is at work; import {import_id} waits: catalogd run")
            moved_at = monotonic()
        pause.wait(POLL_S)


@contextmanager
def shown(import_id: int, *, is_silent: bool) -> Iterator[Show]:
    """Tells how far it is: a bar that moves on a terminal, lines elsewhere."""
    console = Console(highlight=False)
    if is_silent:
        yield lambda _: None
    elif console.is_terminal and not console.is_dumb_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TextColumn("{task.fields[far]}"))
        with Progress(*columns, console=console, transient=True) as live:
            task = live.add_task("", far="")

            def move(stand: Stand) -> None:
                done, whole = _extent(stand)
                live.update(task, description=_doing(stand), completed=done, total=whole, far=_far(stand))

            yield move
    else:
        yield Lines(import_id, console)


class Lines:
    """A line for each phase, and now and then how far it is."""

    def __init__(self, import_id: int, console: Console) -> None:
        self._import_id = import_id
        self._console = console
        self._said = ("", "")
        self._said_at = 0.0

    def __call__(self, stand: Stand) -> None:
        words = _doing(stand), _far(stand)
        is_early = words[0] == self._said[0] and monotonic() - self._said_at < LINE_EVERY_S
        if not stand.is_open or words == self._said or is_early:
            return
        self._said, self._said_at = words, monotonic()
        self._console.print(f"import {self._import_id}: {' '.join(words)}".rstrip(), markup=False, emoji=False)


def _doing(stand: Stand) -> str:
    return next((words for phase, words in DOING.items() if phase == stand.phase), stand.phase)


def _extent(stand: Stand) -> tuple[int, int]:
    return (stand.processed, max(stand.total, 1)) if stand.phase == Phase.MATCHING else (stand.percent, 100)


def _far(stand: Stand) -> str:
    if stand.phase == Phase.MATCHING:
        return f"{stand.processed:,} of {stand.total:,} lines" if stand.total else ""
    return f"{stand.percent} %" if stand.percent else ""


def as_json(result: Result, errors: Sequence[ErrorCount]) -> dict[str, object]:
    return asdict(result) | {"errors_by_code": [asdict(error) for error in errors]}


def describe(result: Result, errors: Sequence[ErrorCount]) -> Iterator[str]:
    """Lines for people."""
    name = f"import {result.id}, {one_line(result.supplier or '') or 'a supplier that is gone'}"
    earlier = _of(result.detected).get("unchanged_since_import")
    if earlier is not None:
        yield f"{name}: the list is that of import {earlier}, nothing was to be done"
        return
    yield f"{name}: {result.success:,} of {result.total:,} lines in {result.duration_s:.1f} s"
    yield (
        f"  linked {result.linked:,}, confirmed by people {result.confirmed:,}, for people to review {result.review:,},"
        f" drafts {result.draft:,}, in error {result.errors:,}"
    )
    yield f"  new {result.new:,}, changed {result.changed:,}, gone from the list {result.gone:,}"
    yield from map(_describe_error, errors)
    yield from describe_reading(_of(result.detected))


def _describe_error(error: ErrorCount) -> str:
    place = f"line {error.line}" + (f", column {error.column}" if error.column else "")
    value = f" ({one_line(error.value)})" if error.value else ""
    lines = "1 line" if error.lines == 1 else f"{error.lines:,} lines"
    return f"  {error.code}: {lines}, such as {one_line(place)}{value}: {one_line(error.message)}"


def describe_reading(detected: Mapping[str, Any]) -> Iterator[str]:
    """How the list was read, as far as that was written down."""
    facts = [
        str(detected.get("kind") or ""),
        str(detected.get("encoding") or ""),
        f"delimiter {_delimiter(str(detected['delimiter']))}" if detected.get("delimiter") else "",
        f"header in line {detected['header_line']}" if detected.get("header_line") else "",
        f"decimal sign {detected['decimal']}" if detected.get("decimal") else "",
        f"currency {detected['currency']}" if detected.get("currency") else "",
    ]
    if any(facts):
        yield f"  read as {one_line(', '.join(filter(None, facts)))}"
    mapping = _of(detected.get("mapping"))
    if mapping:
        yield f"  columns: {one_line(', '.join(f'{field} from {place!r}' for field, place in mapping.items()))}"
    sheets = detected.get("sheets")
    if isinstance(sheets, list):
        yield from (
            f"  sheet {one_line(str(sheet.get('name')))} was passed over: {one_line(str(sheet['passed_over']))}"
            for sheet in map(_of, sheets)
            if "passed_over" in sheet
        )
    warnings = detected.get("warnings")
    if isinstance(warnings, list):
        yield from (f"  warning: {one_line(str(warning))}" for warning in warnings)


def _delimiter(sign: str) -> str:
    return "tab" if sign == "\t" else sign


def _of(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
