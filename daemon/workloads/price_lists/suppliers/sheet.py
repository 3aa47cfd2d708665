"""Reads the sheet: a table as any list is, but with columns of its own."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from daemon.database.failures import storable
from daemon.workloads.price_lists.reading.cell import Cell, Cells, as_text
from daemon.workloads.price_lists.reading.kind import open_book
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.table import Table
from daemon.workloads.price_lists.suppliers.entry import HEADERS, BadEntry, Entry, field_of, make_entry

DEEPEST = 40  # rows among which the header is looked for
MOST_ROWS = 100_000
NEEDED = frozenset({"name", "source_url"})


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be used."""

    line: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """`may_miss_some`: a row could not be used, and it is not known whose it is."""

    entries: Sequence[Entry]
    bad: Sequence[BadRow]
    may_miss_some: bool = False

    @property
    def names(self) -> list[str]:
        """All that are listed, those of bad rows included."""
        return [entry.name for entry in self.entries] + [row.name for row in self.bad if row.name]


def read_sheet(path: Path, beat: Callable[[], None]) -> Sheet:
    """`beat` is called often; what it raises ends the reading. Raises ListUnreadable when it is no sheet of suppliers,
    and OSError when it cannot be read."""
    with closing(open_book(path, Options(), _count_known, beat)) as book:
        seen: Sequence[str] = ()
        for table in book.tables:
            width, header_line, header = _find_header(table)
            if header_line:
                return _read(table, width, header_line, header, beat, has_quotes=book.facts.get("kind") == "csv")
            seen = seen or header
    there = ", ".join(f"“{text}”" for text in seen if text)[:300]
    raise ListUnreadable(
        "no_header", f"No row names the columns, of which “name” and “source_url” are needed; the first row is: {there}"
    )


def _count_known(rows: Sequence[Sequence[str]]) -> int:
    return max((len({field_of(cell) for cell in row} & {*HEADERS}) for row in rows[:DEEPEST]), default=0)


def _find_header(table: Table) -> tuple[int, int, Sequence[str]]:
    """The table's width, the header's line and its texts; line 0 and the first row if there is none."""
    sample = [record for record in table.sample() if any(record.cells)]
    width = max((len(record.cells) for record in sample), default=0)
    for record in sample[:DEEPEST]:
        texts = _texts(record.cells)
        if {field_of(text) for text in texts} >= NEEDED:
            return width, record.number, texts
    return width, 0, _texts(sample[0].cells) if sample else ()


def _read(
    table: Table, width: int, header_line: int, header: Sequence[str], beat: Callable[[], None], *, has_quotes: bool
) -> Sheet:
    names = [field_of(text) for text in header]
    entries: list[Entry] = []
    bad: list[BadRow] = []
    listed: set[str] = set()
    may_miss_some = False
    for block in table.blocks(width):
        beat()
        unreadable = [BadRow(each.number, "", each.reason) for each in block.bad if each.number > header_line]
        bad += unreadable
        may_miss_some = may_miss_some or bool(unreadable)
        for number, cells in zip(block.numbers, block.rows, strict=True):
            values = _values(names, cells) if number > header_line else {}
            if not any(values.values()):
                continue
            if len(entries) + len(bad) >= MOST_ROWS:
                raise ListUnreadable("too_long", f"The sheet has more than {MOST_ROWS:,} rows.")
            name = values.get("name", "")
            try:
                if has_quotes:
                    _require_width(cells, len(names))
                entries.append(_entry(number, name, values, listed))
            except BadEntry as error:
                bad.append(BadRow(number, name, str(error)))
                may_miss_some = may_miss_some or (not name and "source_url" in values)
            listed.add(name.casefold())
    return Sheet(entries, bad, may_miss_some)


def _require_width(cells: Cells, width: int) -> None:
    """Of a workbook notes may stand beside the table; of a text file a cell too many is one that was cut in two."""
    if any(_texts(cells[width:])):
        raise BadEntry(
            f"it has {len(cells)} cells, but the sheet has {width} columns: what holds the sign between the cells must"
            " stand in quotes"
        )


def _entry(number: int, name: str, values: dict[str, str], listed: set[str]) -> Entry:
    if not name:
        raise BadEntry("it has no name")
    if name.casefold() in listed:
        raise BadEntry("a supplier of this name stands further up")
    return make_entry(number, values)


def _values(names: Sequence[str | None], cells: Cells) -> dict[str, str]:
    """Of columns with one name the first that says something."""
    values: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=False):
        if name is not None and name not in values:
            text = storable(as_text(cell).strip()) if name == "column_mapping" else _text(cell)
            if text:
                values[name] = text
    return values


def _texts(cells: Cells) -> list[str]:
    return [_text(cell) for cell in cells]


def _text(cell: Cell) -> str:
    """On one line."""
    return storable(" ".join(as_text(cell).split()))
