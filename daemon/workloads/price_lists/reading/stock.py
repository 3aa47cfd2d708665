"""How many pieces there are, and whether there are any, as suppliers write it."""

import re
from decimal import Decimal

from daemon.workloads.price_lists.reading.cell import Amount, Cell
from daemon.workloads.price_lists.reading.price import DecimalSign, read_number
from daemon.workloads.price_lists.reading.words import words

LARGEST = Decimal("99999999.9999")
_NUMBER = re.compile(
    r"\s*(?:>=?|≥|ca\.?|über|over|more than|mehr als|больше|более|більше)?\s*(-?[0-9][0-9.,'  \u00a0]*)"
)

_YES = words("available")
_NO = words("gone")


def read_stock(cell: Cell, decimal: DecimalSign) -> tuple[Decimal | None, bool | None]:
    """Pieces, at least 0, and whether there are any; each None when the cell does not say it.

    ">100" and "100+" are read as 100, less than nothing as 0.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if text.isascii() and text.isdigit() and len(text) <= 8:
            return Decimal(text), text.strip("0") != ""
        found = _NUMBER.match(text[:60])
        number = read_number(found[1].strip(), decimal) if found else None
        if number is None:
            return None, read_availability(text)
    else:
        number = cell.number if isinstance(cell, Amount) else cell
    if number > LARGEST:
        return None, True
    pieces = max(number, Decimal(0))
    exponent = pieces.as_tuple().exponent
    if isinstance(exponent, int) and not -4 <= exponent <= 0:
        pieces = pieces.quantize(Decimal("0.0001") if exponent < 0 else Decimal(1))
    return pieces, pieces > 0


def read_availability(text: str) -> bool | None:
    """What a word such as "yes", "auf Lager" or "нет в наличии" says; None when it says nothing that is known."""
    text = text.strip()
    word = " ".join(text.casefold().rstrip(".!, ").split())
    if word in _YES:
        return True
    if word in _NO:
        return False
    if text.isascii() and text.isdigit():
        return bool(text.strip("0"))
    return None
