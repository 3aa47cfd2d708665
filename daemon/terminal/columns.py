"""A table of batches that fits: on a narrow terminal some columns are narrower, and what matters least is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

WIDE_GAP, NARROW_GAP = 2, 1

Cell = Text | ProgressBar


@dataclass(slots=True)
class Column:
    """`rank` tells who goes first where there is no room: the highest; 0 never does. A column that may be squeezed is
    never narrower than `least`."""

    heading: str
    rank: int = 0
    is_right: bool = True
    least: int | None = None
    cells: list[Cell] = field(default_factory=list)

    @property
    def most(self) -> int:
        texts = (cell_len(cell.plain) if isinstance(cell, Text) else cell.width or 0 for cell in self.cells)
        return max([cell_len(self.heading), *texts])

    @property
    def narrowest(self) -> int:
        return self.most if self.least is None else min(self.most, self.least)


def tabulate(columns: Sequence[Column], width: int) -> Table:
    """The columns that fit, as a table without lines."""
    kept, gap = fit(columns, width)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for column, own in zip(kept, _share_out(kept, width, gap), strict=True):
        table.add_column(
            column.heading,
            justify="right" if column.is_right else "left",
            width=own,
            no_wrap=True,
            overflow="ellipsis",
        )
        for cell in column.cells:
            if isinstance(cell, ProgressBar):
                cell.width = own
    for cells in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*cells)
    return table


def fit(columns: Sequence[Column], width: int) -> tuple[list[Column], int]:
    """Which columns are kept, and the gap between them: it becomes narrow before a column goes."""
    kept = list(columns)
    while True:
        least = sum(column.narrowest for column in kept)
        for gap in (WIDE_GAP, NARROW_GAP):
            if least + gap * (len(kept) - 1) <= width:
                return kept, gap
        last = max(kept, key=lambda column: column.rank)
        if last.rank == 0:
            return kept, NARROW_GAP
        kept.remove(last)


def _share_out(columns: Sequence[Column], width: int, gap: int) -> list[int]:
    """Each has its narrowest, and from the left as much more as there is."""
    spare = max(width - gap * (len(columns) - 1) - sum(column.narrowest for column in columns), 0)
    widths = []
    for column in columns:
        more = min(column.most - column.narrowest, spare)
        spare -= more
        widths.append(column.narrowest + more)
    return widths
