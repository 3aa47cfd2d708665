"""What a list is read from, once it is open: one table of a file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from daemon.workloads.price_lists.reading.cell import Block, Record
from daemon.workloads.price_lists.reading.price import DecimalSign

SAMPLE = 2000  # rows looked at before reading


class Table(Protocol):
    """A sheet of a workbook, or a text file."""

    @property
    def name(self) -> str | None:
        """Of the sheet; None for a text file."""

    @property
    def likely_decimal(self) -> DecimalSign | None:
        """By the habits of its kind."""

    def sample(self) -> Sequence[Record]:
        """The first rows, at most SAMPLE. Raises ListUnreadable."""

    def blocks(self, width: int) -> Iterator[Block]:
        """All rows from the top; `width` is the number of columns. Raises ListUnreadable."""

    def share(self) -> float | None:
        """How much of the table has been read, from 0 to 1, while blocks are taken; None when it is not known."""


class Book(Protocol):
    """A file that is open."""

    @property
    def facts(self) -> Mapping[str, object]:
        """JSON: what was found out about it."""

    @property
    def tables(self) -> Sequence[Table]:
        """In their order; hidden ones are left out."""

    def close(self) -> None:
        """May be called more than once."""
