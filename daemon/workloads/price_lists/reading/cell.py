"""A cell of a list, and rows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from daemon.workloads.price_lists.line import BadLine

DIGITS = 15  # significant digits that a spreadsheet keeps of a number


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that its workbook shows with a sign of currency."""

    number: Decimal
    currency: str  # ISO 4217


# Text as it stands in the file. A workbook's whole numbers are text, too: digits, nothing to misread. Its other
# numbers are Decimals, whose point is no matter of the column's habits.
Cell = str | Decimal | Amount
Cells = Sequence[Cell]


class Record(NamedTuple):
    """One row with its line number, from 1."""

    number: int
    cells: Cells


class Block(NamedTuple):
    """Rows that follow each other; `bad` are those between them that could not even be cut into cells."""

    numbers: Sequence[int]
    rows: Sequence[Cells]
    bad: Sequence[BadLine] = ()


def as_text(cell: Cell) -> str:
    """A number without exponent and without needless noughts."""
    if isinstance(cell, str):
        return cell
    number = cell.number if isinstance(cell, Amount) else cell
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_number(text: str) -> Decimal:
    """A number as spreadsheets store it (1.2000000000000002, 4.00638E+12), rounded to the digits they keep.

    Raises ArithmeticError when it is none.
    """
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > 400:
        raise ArithmeticError(text)
    if len(number.as_tuple().digits) > DIGITS:
        number = round(number, DIGITS - 1 - number.adjusted())
    return number


def number_cell(number: Decimal, currency: str | None = None) -> Cell:
    """The cell of a number."""
    if currency is not None:
        return Amount(number, currency)
    if number == number.to_integral_value() and number.adjusted() < 40:
        return format(number.to_integral_value(), "f")
    return number
