"""Reads a supplier's file as a stream of lines."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.reading.cell import Block, Cells
from daemon.workloads.price_lists.reading.headers import NoSuchColumn, scores_of
from daemon.workloads.price_lists.reading.kind import open_book
from daemon.workloads.price_lists.reading.layout import DEEPEST, Layout, NoHeader, find_layout
from daemon.workloads.price_lists.reading.lines import LineMaker
from daemon.workloads.price_lists.reading.options import ColumnMapping, Options, unknown_options
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.table import Book, Table

Tick = Callable[[int, float | None], None]


def read(
    path: Path,
    options: Mapping[str, object] | Options | None,
    mapping: Mapping[str, object] | None,
    tick: Tick,
) -> "Reading":
    """Open a list and find out how it is to be read; the lines come by iterating over the result, once.

    `options` are those of Options, `mapping` has a header, a letter or a position from 0 for a field. `tick` is called
    with the lines read so far, bad ones included, and the share of the file that they are (None while it is not known),
    at least every thousand lines and often while the file is opened; what it raises ends the reading. Raises
    ListUnreadable, and OSError when the file cannot be read.
    """
    settings = Options.parse(options)
    places = ColumnMapping.parse(mapping)
    progress = Progress(tick)
    book = open_book(path, settings, _known_columns, progress.beat)
    try:
        return Reading(book, settings, places, progress, unknown_options(options))
    except BaseException:
        book.close()
        raise


@dataclass(slots=True)
class Progress:
    """How far a reading is, and whom to tell."""

    tick: Tick
    lines: int = 0
    share: float | None = None

    def beat(self) -> None:
        """Tell it, also when nothing is new."""
        self.tick(self.lines, self.share)


@dataclass(frozen=True, slots=True)
class _List:
    """A table that is a list."""

    table: Table
    layout: Layout
    maker: LineMaker


class Reading:
    """A list that is open. `detected` is JSON: what was found out, and, once all lines are read, what was counted."""

    def __init__(
        self,
        book: Book,
        options: Options,
        mapping: Mapping[str, str | int | None],
        progress: Progress,
        warnings: Sequence[str] = (),
    ) -> None:
        """`warnings` are those that there are before anything is read.

        Raises ListUnreadable when no table of the book is a list.
        """
        self._book = book
        self._progress = progress
        self._told: Counter[str] = Counter()
        self._warnings: list[str] = []
        self.detected: dict[str, object] = dict(book.facts)
        self._lists = self._find_lists(options, mapping)
        self._tell_mapping()
        self._warn(warnings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the file holds; iterating to the end, or to an error, does it, too."""
        self._book.close()

    def __iter__(self) -> Iterator[Line | BadLine]:
        progress = self._progress
        with closing(self._book):
            for place, each in enumerate(self._lists):
                offset = progress.lines
                for block in each.table.blocks(each.layout.width):
                    progress.lines = max(progress.lines, offset + _last_number(block))
                    share = each.table.share()
                    progress.share = None if share is None else (place + share) / len(self._lists)
                    progress.beat()
                    yield from each.maker.make(_after(block, each.layout.last, offset))
        progress.share = 1.0
        progress.beat()
        self.detected["counted"] = dict(+self._told)  # without noughts
        self._warn(warning for each in self._lists for warning in each.maker.warnings)

    def _warn(self, warnings: Iterable[str]) -> None:
        """Without warnings there is no such fact."""
        self._warnings = list(dict.fromkeys([*self._warnings, *warnings]))
        if self._warnings:
            self.detected["warnings"] = self._warnings

    def _find_lists(self, options: Options, mapping: Mapping[str, str | int | None]) -> Sequence[_List]:
        """The tables that are lists. What the others lack is told; it is an error when no table is one."""
        found: list[_List] = []
        told: list[Mapping[str, object]] = []
        troubles: list[ListUnreadable] = []
        for table in self._book.tables:
            self._progress.beat()
            if options.sheets is not None and table.name is not None and table.name not in options.sheets:
                told.append({"name": table.name, "passed_over": "the options name others"})
                continue
            try:
                each = self._look_at(table, options, mapping)
            except ListUnreadable as trouble:
                troubles.append(trouble)
                told.append({"name": table.name, "passed_over": str(trouble)})
                continue
            found.append(each)
            told.append({"name": table.name} | _describe(each))
        if not found:
            raise _worst(troubles, options)
        if found[0].table.name is not None:
            self.detected["sheets"] = told
        return found

    def _look_at(self, table: Table, options: Options, mapping: Mapping[str, str | int | None]) -> _List:
        sample = table.sample()
        if not any(cell != "" for record in sample for cell in record.cells):
            raise ListUnreadable("empty", "There is nothing in it.")
        width = max(len(record.cells) for record in sample)
        if width > options.max_columns:
            raise ListUnreadable("too_many_columns", f"The list has more than {options.max_columns} columns.")
        try:
            layout = find_layout(sample, options, mapping)
        except NoHeader as error:
            raise ListUnreadable("no_header", str(error)) from error
        except NoSuchColumn as error:
            raise ListUnreadable("no_such_column", f"{str(error)[0].upper()}{str(error)[1:]}.") from error
        goods: list[Cells] = [record.cells for record in sample if record.number > layout.last and any(record.cells)]
        if not goods:
            raise ListUnreadable("no_lines", "The list names its columns, but has no lines.")
        maker = LineMaker(layout.columns, layout.width, options, goods, table.likely_decimal, self._told)
        return _List(table, layout, maker)

    def _tell_mapping(self) -> None:
        """The facts of the first list, beside those of the book."""
        self.detected |= _describe(self._lists[0])


def _describe(each: _List) -> dict[str, object]:
    columns = each.layout.columns
    facts: dict[str, object] = {
        "header_line": each.layout.first or None,
        "header_lines": each.layout.last - each.layout.first + 1 if each.layout.first else 0,
        "columns": len(columns.header),
        "mapping": {name: columns.header[place] or place for name, place in columns.fields.items()},
        "by_name": sorted(columns.named),
        "characteristics": list(columns.characteristics),
        "decimal": each.maker.decimal,
        "decimal_decided_by": each.maker.decided_by,
        "currency": each.maker.currency,
    }
    used = {*columns.fields.values(), *columns.characteristics.values()}
    ignored = [name or place for place, name in enumerate(columns.header) if place not in used]
    if ignored:
        facts["ignored"] = ignored
    if columns.duplicates:
        facts["duplicates"] = list(columns.duplicates)
    return facts


def _known_columns(rows: Sequence[Sequence[str]]) -> int:
    """How many different fields one of the first rows names."""
    return max(
        (len({name for cell in row[:200] for name in list(scores_of(cell))[:1]}) for row in rows[:DEEPEST]), default=0
    )


def _worst(troubles: Sequence[ListUnreadable], options: Options) -> ListUnreadable:
    """Of what was wrong with each table the thing that a person can do most about."""
    for code in ("no_such_column", "too_many_columns", "no_lines", "no_header", "empty"):
        for trouble in troubles:
            if trouble.code == code:
                return ListUnreadable("empty", "The file is empty.") if code == "empty" else trouble
    if troubles:
        return troubles[0]
    if options.sheets is not None:
        return ListUnreadable("no_such_sheet", f"The workbook has no sheet called {', '.join(options.sheets)}.")
    return ListUnreadable("empty", "The workbook has no sheet that is shown.")


def _last_number(block: Block) -> int:
    return max(block.numbers[-1] if block.numbers else 0, block.bad[-1].number if block.bad else 0)


def _after(block: Block, last: int, offset: int) -> Block:
    """The rows behind the header, numbered on from the tables before."""
    numbers, rows, bad = block
    if numbers and numbers[0] <= last:
        kept = [place for place, number in enumerate(numbers) if number > last]
        numbers, rows = [numbers[place] for place in kept], [rows[place] for place in kept]
    bad = [line for line in bad if line.number > last]
    if offset:
        numbers = [number + offset for number in numbers]
        bad = [BadLine(line.number + offset, line.code, line.reason, line.column, line.value) for line in bad]
    return Block(numbers, rows, bad)
