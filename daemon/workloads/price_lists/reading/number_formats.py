"""What a workbook's number formats say: that a number is a date, a code with leading noughts, an amount of money."""

import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from daemon.workloads.price_lists.reading.cell import Cell, number_cell
from daemon.workloads.price_lists.reading.currency import currency_of
from daemon.workloads.price_lists.reading.xml import parse_all

_FORMATS = 70_000  # Excel allows some 64,000 styles
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})  # ECMA-376, 18.8.30
_LITERAL = re.compile(r'"([^"]*)"|\[([^\]]*)\]|\\(.)|_.|\*.')
_DATE = re.compile(r"[dmyhs]", re.IGNORECASE)
_NOUGHTS = re.compile(r"0{2,20}")
_LATEST = 2_958_465  # 9999-12-31


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How the numbers of a cell are meant."""

    is_date: bool = False
    digits: int = 0  # noughts fill a code up to so many
    currency: str | None = None  # ISO 4217


GENERAL = NumberFormat()


def interpret(code: str) -> NumberFormat:
    """From a format's code, such as `#,##0.00 [$€-407]`, `dd.mm.yyyy` or `0000000000000`."""
    first = code.split(";")[0]
    if _NOUGHTS.fullmatch(first):
        return NumberFormat(digits=len(first))
    signs = [
        found[1]
        or found[3]
        or (found[2] or "").partition("-")[0].lstrip("$")
        or "$" * (found[2] or "").startswith("$$")
        for found in _LITERAL.finditer(first)
    ]
    rest = _LITERAL.sub("", first)
    for sign in [*signs, *(each for each in "€$£¥₽₴" if each in rest)]:
        if sign and (currency := currency_of(sign)):
            return NumberFormat(currency=currency)
    if _DATE.search(rest) and "general" not in rest.lower() and not re.search(r"[0#]", re.sub(r"s\.0+", "s", rest)):
        return NumberFormat(is_date=True)
    return GENERAL


def read_formats(archive: zipfile.ZipFile, member: str, beat: Callable[[], None]) -> Sequence[NumberFormat]:
    """By the number of a cell's style. Raises ListUnreadable."""
    codes: dict[str, str] = {}
    styles: list[NumberFormat] = []
    known: dict[str, NumberFormat] = {}
    within = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal within
        if name == "numFmt" and len(codes) < _FORMATS:
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[:300]
        elif name == "cellXfs":
            within = True
        elif name == "xf" and within and len(styles) < _FORMATS:
            number = attributes.get("numFmtId", "0")
            if number not in known:
                known[number] = _of(number, codes)
            styles.append(known[number])

    def end(name: str) -> None:
        nonlocal within
        if name == "cellXfs":
            within = False

    parse_all(archive, member, start, beat, end)
    return styles


def _of(number: str, codes: dict[str, str]) -> NumberFormat:
    if number in codes:
        return interpret(codes[number])
    return NumberFormat(is_date=True) if number.isdigit() and int(number[:6]) in _BUILT_IN_DATES else GENERAL


def formatted(number: Decimal, meant: NumberFormat, epoch: date) -> Cell:
    """The cell of a number; a date as text, such as "2026-03-01" or "2026-03-01 12:30"."""
    if meant.is_date:
        return _date(number, epoch) or number_cell(number)
    if meant.digits and number == number.to_integral_value() and 0 <= number < 10**20:
        return str(int(number)).zfill(meant.digits)
    return number_cell(number, meant.currency)


def _date(number: Decimal, epoch: date) -> str | None:
    if not 0 <= number <= _LATEST:
        return None
    days = int(number)
    seconds = int((number - days) * 86_400 + Decimal("0.5"))
    try:
        moment = datetime.combine(epoch, datetime.min.time()) + timedelta(days=days, seconds=seconds)
    except OverflowError:
        return None
    if days == 0 and epoch.year < 1904:
        return f"{moment:%H:%M}"
    return f"{moment:%Y-%m-%d %H:%M}" if seconds else f"{moment:%Y-%m-%d}"
