"""A picture of the work, drawn: a table of batches with bars, then in words who is at work and what deserves a look."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.text import Text

from daemon.batches.attendance import UNATTENDED
from daemon.batches.batch import Listed
from daemon.batches.reading import MOST_COUNTED
from daemon.engine.status import BatchStatus
from daemon.terminal.columns import Cell, Column, tabulate
from daemon.terminal.duties import describe_duty
from daemon.terminal.fleet import describe_fleet
from daemon.terminal.naming import ask, call
from daemon.terminal.picture import Picture
from daemon.terminal.words import about, how_long
from daemon.workloads.categorization.explanation import one_line

COLOURS = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "processing": "cyan",
    "pending": "blue",
}
BAR_WIDTH = 20
WARNING = "yellow"
MOST_UNATTENDED = 3  # are named


def print_picture(console: Console, picture: Picture, *, of_one: bool) -> None:
    """Once, from above to below; nothing of a sentence is cut."""
    if picture.listed:
        console.print(draw_batches(picture, picture.listed, console.width))
        for line in _remarks(picture, of_one=of_one):
            console.print(line, soft_wrap=True)
    else:
        console.print("no batch was ever inserted")
    for line in _words(picture):
        console.print(line, soft_wrap=True)


def draw_picture(picture: Picture, head: Sequence[Text], width: int, height: int, *, of_one: bool) -> Group:
    """For a screen of this size: the open batches first, each other line cut where it ends. `head` is put on top."""
    foot = [*_remarks(picture, of_one=of_one), *_words(picture)]
    room = max(height - len(head) - 2, 1)  # a heading, and a line between
    shown = choose(picture.listed, max(room - len(foot), min(room, 4)))
    hidden = len(picture.listed) - len(shown)
    parts: list[RenderableType] = [*head]
    parts += [draw_batches(picture, shown, width)] if shown else [Text("no batch was ever inserted")]
    parts += [Text(f"… and {hidden:,} more", style="dim")] if hidden else []
    parts += [Text()]
    parts += foot
    for part in parts:
        if isinstance(part, Text):
            part.no_wrap, part.overflow = True, "ellipsis"
    return Group(*parts)


def choose(listed: Sequence[Listed], room: int) -> list[Listed]:
    """The batches that are shown where not all can be: running, waiting, then the last that ended; in their order."""
    if len(listed) <= room:
        return list(listed)

    def urgency(each: Listed) -> tuple[int, int]:
        if each.batch.is_open:
            return (0 if each.batch.started_at else 1), each.batch.id
        return 2, -each.batch.id

    chosen = {each.key for each in sorted(listed, key=urgency)[: max(room - 1, 0)]}  # a line says how many are left out
    return [each for each in listed if each.key in chosen]


def draw_batches(picture: Picture, listed: Sequence[Listed], width: int) -> RenderableType:
    kinds, left = Column("of", is_right=False), Column("left", is_right=False)
    errors = Column("errors", rank=5)
    own = list(dict.fromkeys(heading for each in listed for heading in each.sight.cells))
    columns = [
        kinds,
        Column("batch"),
        Column("status", is_right=False),
        Column("progress", rank=4, is_right=False, least=8),
        Column("done"),
        Column("of"),
        errors,
        Column("waited", rank=8),
        Column("took", rank=9),
        Column("per second", rank=6),
        left,
        *(Column(heading, rank=7, is_right=False, least=16) for heading in own),
    ]
    for each in listed:
        for column, cell in zip(columns, _cells(picture, each, own), strict=True):
            column.cells.append(cell)
    has_kinds = len({each.kind.name for each in picture.listed}) > 1
    idle = [column for column in (errors, left) if not any(str(cell) for cell in column.cells)]
    idle += [] if has_kinds else [kinds]
    return tabulate([column for column in columns if all(column is not other for other in idle)], width)


def _cells(picture: Picture, each: Listed, own: Sequence[str]) -> Iterator[Cell]:
    batch, rate = each.batch, picture.rate(each)
    yield Text(each.kind.name)
    yield Text(str(batch.id))
    yield Text(one_line(batch.status), style=COLOURS.get(batch.status, ""))
    yield ProgressBar(
        total=max(batch.total, 1),
        completed=batch.processed if batch.total else batch.done,
        width=BAR_WIDTH,
    )
    yield Text(f"{batch.processed:,}")
    yield Text(f"{batch.total:,}")
    yield Text(f"{batch.errors:,}" if batch.errors else "", style=WARNING)
    yield Text("" if batch.wait_s is None else how_long(batch.wait_s))
    yield Text("" if batch.run_s is None else how_long(batch.run_s))
    yield Text(_rate(rate) if rate else "")
    yield _left(picture, each)
    for heading in own:
        yield Text(one_line(each.sight.cells.get(heading, "")))


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def _left(picture: Picture, each: Listed) -> Text:
    if each.batch.status == BatchStatus.PENDING:
        return Text("waits again" if each.batch.wait_s is None else f"waits {about(each.batch.wait_s)}")
    if picture.stands_still(each):
        return Text("stands still", style=WARNING)
    left_s = picture.left_s(each)
    return Text("" if left_s is None else about(left_s))


def _remarks(picture: Picture, *, of_one: bool) -> list[Text]:
    """Why a batch failed or stands still, and what its kind of work says of it."""
    listed = picture.listed
    lines = [
        Text(f"{call(each.kind, each.batch.id)}: {UNATTENDED.format(kind=each.kind.name)}", style=WARNING)
        for each in [each for each in listed if each.key in picture.unattended][:MOST_UNATTENDED]
    ]
    if len(picture.unattended) > MOST_UNATTENDED:
        lines.append(Text(f"nor on {len(picture.unattended) - MOST_UNATTENDED:,} more", style=WARNING))
    lines += [
        Text(f"{call(each.kind, each.batch.id)}: {one_line(each.batch.error_message)}")
        for each in listed
        if each.batch.error_message
    ]
    for each in listed:
        if each.sight.remark and (of_one or each.sight.is_warning):
            style = WARNING if each.sight.is_warning else ""
            lines.append(Text(f"{call(each.kind, each.batch.id)} {one_line(each.sight.remark)}", style=style))
        if of_one and each.batch.errors:
            lines.append(Text(f"the items in error, and why: {ask('errors', each.kind, each.batch.id)}"))
    return lines


def _words(picture: Picture) -> list[Text]:
    """How much is open, who is at work, the periodic duties."""
    lines = [Text(f"open: {line}") for line in _count(picture.open)]
    fleet = describe_fleet(picture.instances, picture.holds)
    lines += [Text(line, style="" if line.startswith("at work") else WARNING) for line in fleet]
    lines += [Text(describe_duty(duty), style=WARNING if duty.failures else "") for duty in picture.duties]
    return lines


def _count(open_batches: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """How many of what; the table shows the first hundred of each kind."""
    for kind, numbers in open_batches.items():
        of = f" of {kind}" if len(open_batches) > 1 else ""
        if numbers:
            more = "at least " if max(numbers.values()) >= MOST_COUNTED else ""
            yield f"{more}{', '.join(f'{number:,} {status}' for status, number in numbers.items())}{of}"
