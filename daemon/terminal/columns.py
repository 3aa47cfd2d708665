"""A table of batches that fits: where the terminal is narrow, the columns that matter least are left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

GAP = 2
SQUEEZED = 12  # a text of the shop's may be cut to so much

Cell = Text | ProgressBar


@dataclass(slots=True)
class Column:
    """`rank` tells who goes first where there is no room: the highest; 0 never does."""

    heading: str
    rank: int = 0
    is_right: bool = True
    width: int | None = None
    may_be_cut: bool = False
    cells: list[Cell] = field(default_factory=list)

    @property
    def needs(self) -> int:
        if self.width is not None:
            return self.width
        texts = [cell_len(cell.plain) for cell in self.cells if isinstance(cell, Text)]
        needs = max([cell_len(self.heading), *texts])
        return min(needs, SQUEEZED) if self.may_be_cut else needs


def fit(columns: Sequence[Column], width: int) -> list[Column]:
    kept = list(columns)
    while sum(column.needs + GAP for column in kept) - GAP > width:
        last = max(kept, key=lambda column: column.rank, default=None)
        if last is None or last.rank == 0:
            break
        kept.remove(last)
    return kept


def tabulate(columns: Sequence[Column], width: int) -> Table:
    """The columns that fit, as a table without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), collapse_padding=True)
    kept = fit(columns, width)
    for column in kept:
        table.add_column(
            column.heading,
            justify="right" if column.is_right else "left",
            width=column.width,
            no_wrap=True,
            overflow="ellipsis",
        )
    for cells in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*cells)
    return table
