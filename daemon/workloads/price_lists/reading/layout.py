"""Finds the rows that name the columns, among the first of a table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.workloads.price_lists.reading.cell import Record, as_text
from daemon.workloads.price_lists.reading.headers import Columns, NoSuchColumn, choose_columns, is_position, scores_of
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.refusal import ListUnreadable

LONGEST = 200  # characters of a header
DEEPEST = 40  # rows among which the header is looked for
_IDENTIFYING = ("name", "part_number", "sku", "barcode")
_DIGITS = re.compile(r"[^\w]*\d[\d.,\s'’]*[^\w]*\w{0,3}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns are, and on which lines that is said."""

    columns: Columns
    first: int  # line of the header; of two rows the upper
    last: int  # line of the header; lines of goods come after it; 0 without a header
    width: int  # columns


class NoHeader(Exception):
    """No row names columns that are known; the message says so in a sentence for people."""


def find_layout(sample: Sequence[Record], options: Options, mapping: Mapping[str, str | int | None]) -> Layout:
    """By the row, or two rows, that name most.

    Raises NoHeader or NoSuchColumn, and ListUnreadable for a mapping that cannot work without a header.
    """
    rows = [Record(number, [" ".join(as_text(cell).split())[:LONGEST] for cell in cells]) for number, cells in sample]
    rows = [row for row in rows if any(row.cells)]
    if not options.has_header:
        return _without_header(rows, options, mapping)
    if options.header_row is not None:
        rows = [row for row in rows if row.number >= options.header_row]
        if not rows or rows[0].number != options.header_row:
            raise NoHeader(f"Line {options.header_row} should name the columns, but it is empty or far too deep.")
        rows = rows[:2]
    trouble: NoSuchColumn | None = None
    best: tuple[tuple[int, int, int], Layout] | None = None
    for first, last, header in _candidates(rows[:DEEPEST], is_told=options.header_row is not None):
        try:
            columns = choose_columns(header, mapping, options.price)
        except NoSuchColumn as error:
            trouble = trouble or (error if len([text for text in header if text]) > 1 else None)
            continue
        rank = (len(columns.fields), last > first, columns.score)
        if _is_enough(columns, mapping, is_told=options.header_row is not None) and (best is None or rank > best[0]):
            best = (rank, Layout(columns, first, last, len(header)))
    if best is not None:
        return best[1]
    if rows and mapping and all(is_position(place, []) for place in mapping.values()):
        return _without_header(rows, options, mapping)
    if trouble is not None:
        raise _best_trouble(rows, options, mapping) or trouble
    first_line = " | ".join(str(cell) for cell in rows[0].cells if cell)[:200] if rows else ""
    raise NoHeader(
        "No line among the first names columns that are known, such as name, SKU and price;"
        f" the first line is: {first_line!r}. A mapping can tell where they stand."
    )


def _candidates(rows: Sequence[Record], *, is_told: bool) -> Iterator[tuple[int, int, list[str]]]:
    """Headers: each row, and each with the one below it where that may be its second half."""
    for upper, lower in zip(rows, [*rows[1:], None], strict=True):
        if is_told and upper is not rows[0]:
            return
        names = [str(cell) for cell in upper.cells]
        while names and not names[-1]:
            names.pop()
        if lower is not None and _is_second_half(upper, lower):
            yield upper.number, lower.number, _join(upper, lower)
        yield upper.number, upper.number, names


def _is_second_half(upper: Record, lower: Record) -> bool:
    """Whether the lower row names what the upper has joined cells for: it fills gaps, and holds no numbers."""
    above, below = list(map(str, upper.cells)), list(map(str, lower.cells))
    if lower.number - upper.number > 1 or any(_DIGITS.fullmatch(cell) for cell in below if cell):
        return False
    above += [""] * (len(below) - len(above))
    gaps = [place for place, cell in enumerate(below) if cell and not above[place] and any(above[:place])]
    known = [place for place, cell in enumerate(above) if cell and scores_of(cell)]
    if not gaps or not known:
        return False
    # A row of goods has a name or a number below those headers; a second half leaves them to the row above.
    ends = [
        place for place in known if place < len(below) and below[place] and not _has_gap_behind(above, below, place)
    ]
    return not any({*scores_of(above[place])} & {*_IDENTIFYING} for place in ends)


def _has_gap_behind(above: Sequence[str], below: Sequence[str], place: int) -> bool:
    return place + 1 < len(below) and not above[place + 1] and bool(below[place + 1])


def _join(upper: Record, lower: Record) -> list[str]:
    """ "Price" over "net" and "gross" gives "Price net" and "Price gross"."""
    width = max(len(upper.cells), len(lower.cells))
    above, below = ([str(cell) for cell in row.cells] + [""] * (width - len(row.cells)) for row in (upper, lower))
    names: list[str] = []
    over = ""
    for top, bottom in zip(above, below, strict=True):
        over = top or (over if bottom else "")
        names.append(f"{over} {bottom}".strip())
    while names and not names[-1]:
        names.pop()
    return names


def _is_enough(columns: Columns, mapping: Mapping[str, str | int | None], *, is_told: bool) -> bool:
    """What the thing is, and two fields by their headers; one where a mapping or the options help."""
    if not any(name in columns.fields for name in _IDENTIFYING):
        return False
    return is_told or len(columns.named) >= (1 if any(isinstance(place, str) for place in mapping.values()) else 2)


def _without_header(rows: Sequence[Record], options: Options, mapping: Mapping[str, str | int | None]) -> Layout:
    if not any(place is not None for place in mapping.values()):
        raise ListUnreadable("no_header", "A list without a header needs a mapping of the fields to positions.")
    width = max((len(row.cells) for row in rows), default=0)
    columns = choose_columns([""] * width, mapping, options.price)
    if not any(name in columns.fields for name in _IDENTIFYING):
        raise ListUnreadable("no_header", "The mapping must place the name, or a number that stands for it.")
    return Layout(columns, 0, 0, width)


def _best_trouble(
    rows: Sequence[Record], options: Options, mapping: Mapping[str, str | int | None]
) -> NoSuchColumn | None:
    """What is told of a mapping that fits no row: the columns of the row that looks most like a header."""
    loose: dict[str, str | int | None] = {}
    try:
        layout = find_layout(rows, options.model_copy(update={"header_row": None}), loose)
        choose_columns(layout.columns.header, mapping, options.price)
    except (NoHeader, ListUnreadable):
        return None
    except NoSuchColumn as error:
        return error
    return None
