"""Finds out how a text file is cut into cells."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", ";", "\t", "|")
_SHAPED = 60  # lines looked at


@dataclass(frozen=True, slots=True)
class Dialect:
    """For csv.reader."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None  # before a quote within quotes; else the quote is written twice

    def reader(self, lines: Sequence[str], *, strict: bool = False) -> "Reader":
        """Rows of cells; forgiving, unless strict."""
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, escapechar=self.escape, strict=strict)


def detect_dialect(
    lines: Sequence[str], delimiter: str | None, known: Callable[[Sequence[Sequence[str]]], int]
) -> Dialect:
    """The dialect in which a row names most columns that `known` counts; of equals, the one with the evenest rows.

    `lines` are the first of the file. `delimiter` goes before what is found out.
    """
    quote, escape = _quoting(lines)
    dialects = [Dialect(each, quote, escape) for each in ([delimiter] if delimiter else DELIMITERS)]
    ranked: list[tuple[int, float]] = []
    for dialect in dialects:
        rows = list(dialect.reader(lines))
        ranked.append((known(rows), _evenness(rows[:_SHAPED])))
    return dialects[ranked.index(max(ranked))]


def _evenness(rows: Sequence[Sequence[str]]) -> float:
    """The share of rows with the usual number of cells, for numbers over one, times the cells beyond the first."""
    widths = Counter(len(row) for row in rows if row)
    if not widths:
        return 0.0
    width, count = widths.most_common(1)[0]
    return (width - 1) * count / widths.total()


def _quoting(lines: Sequence[str]) -> tuple[str, str | None]:
    text = "".join(lines)
    quote = '"'
    if text.count("'") > 2 * text.count('"') and _wrapped(text, "'") > 2:
        quote = "'"
    doubled = len(re.findall(rf"[^,;\t|\n]{quote * 2}|{quote * 2}[^,;\t|\n]", text))  # else it is an empty cell
    escape = "\\" if text.count("\\" + quote) > doubled else None
    return quote, escape


def _wrapped(text: str, quote: str) -> int:
    """How many cells begin with the quote, and how many end with it: the fewer."""
    begin = sum(text.count(delimiter + quote) for delimiter in DELIMITERS)
    end = sum(text.count(quote + delimiter) for delimiter in DELIMITERS)
    return min(begin, end)
