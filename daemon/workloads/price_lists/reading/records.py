"""Cuts the lines of a text file into records, in blocks; a quote that is never closed costs its own line only."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice

from daemon.workloads.price_lists.line import BadLine
from daemon.workloads.price_lists.reading.cell import Block
from daemon.workloads.price_lists.reading.dialect import Dialect

BLOCK = 1000  # lines of the file that are treated at once
LONGEST = 100  # lines of one record


def blocks_of(lines: Iterator[str], dialect: Dialect, width: int) -> Iterator[Block]:
    """Blocks of records, numbered by the line on which they begin; blank lines are records without cells.

    Every line but the last ends in a newline. `width` is the number of cells that records should have: a record over
    several lines that has another number, or whose last line is a whole record by itself, is no record, but a quote
    that was opened by mistake: its first line is told as bad, and reading goes on at the second.
    """
    first = 1
    pending: list[str] = []
    while True:
        fresh = list(islice(lines, BLOCK))
        pending += fresh
        if not pending:
            return
        block, used = _cut(pending, first, dialect, width, is_last=not fresh)
        yield block
        pending = pending[used:]
        first += used


def _cut(lines: list[str], first: int, dialect: Dialect, width: int, *, is_last: bool) -> tuple[Block, int]:
    """The records that end within the lines, and how many lines they are."""
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"  # so that a cell that is still open ends with it
    try:
        rows = list(dialect.reader(lines))
    except csv.Error:
        rows = []
    if len(rows) == len(lines) and not _may_be_open(rows[-1]):
        return Block(range(first, first + len(lines)), rows), len(lines)
    return _cut_with_care(lines, first, dialect, width, is_last=is_last)


def _cut_with_care(lines: list[str], first: int, dialect: Dialect, width: int, *, is_last: bool) -> tuple[Block, int]:
    numbers: list[int] = []
    rows: list[Sequence[str]] = []
    bad: list[BadLine] = []
    begin = 0
    while begin < len(lines):
        reader = dialect.reader(lines[begin:])
        base = begin
        try:
            for cells in reader:
                end = base + reader.line_num
                if end - begin > 1 or end == len(lines):
                    is_open = end == len(lines) and _is_open(cells, lines[begin:end], dialect)
                    if is_open and not is_last and end - begin <= LONGEST:
                        return Block(numbers, rows, bad), begin  # the rest of it is still to come
                    if is_open or (end - begin > 1 and not _is_record(cells, lines[begin:end], dialect, width)):
                        break
                numbers.append(first + begin)
                rows.append(cells)
                begin = end
            else:
                break
            reason = "a quote is opened on this line and not closed"
        except csv.Error as error:
            reason = f"this is not CSV: {error}"
        bad.append(BadLine(first + begin, "bad_quotes", reason, None, lines[begin].strip()[:200]))
        begin += 1
    return Block(numbers, rows, bad), begin


def _may_be_open(cells: Sequence[str]) -> bool:
    """Whether the record may end within quotes: there the newline is kept at the end, and else hardly ever."""
    return bool(cells) and cells[-1].endswith("\n")


def _is_open(cells: Sequence[str], lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether the record that these lines are ends within quotes."""
    if not _may_be_open(cells):
        return False
    try:
        list(dialect.reader(lines, strict=True))
    except csv.Error:
        return True
    return False


def _is_record(cells: Sequence[str], lines: Sequence[str], dialect: Dialect, width: int) -> bool:
    """Whether several lines are one record, and not the prey of a quote that was opened by mistake.

    That is told by the delimiters that stand within the quotes: in the last line at least as many as in the first line
    before them, so that it would be a whole record; or, where the quotes begin the record, any.
    """
    if len(lines) > LONGEST or len(cells) != width:
        return False
    before = len(next(dialect.reader(lines[:1]))) - 1
    within = lines[-1].replace(dialect.quote * 2, "").partition(dialect.quote)[0].count(dialect.delimiter)
    if before:
        return within < before
    between = [line for line in lines[1:-1] if dialect.quote not in line]
    return not within and all(line.count(dialect.delimiter) < width - 1 for line in between)
