"""Prices as suppliers write them, as decimals with their currency."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from daemon.workloads.price_lists.reading.cell import Amount, Cell
from daemon.workloads.price_lists.reading.currency import currency_of
from daemon.workloads.price_lists.reading.words import words

DecimalSign = Literal[".", ","]

LARGEST = Decimal("99999999.9999")  # numeric(12,4)
_STEP = Decimal("0.0001")
_LONGEST = 60  # characters; no price is longer

_SPACES = " \u00a0\u2007\u2009\u202f"
_MINUS = "-−–"
_PLAIN = re.compile(r"[0-9]{1,8}")
_USUAL = re.compile(r"[0-9]{1,8}[.,][0-9]{1,2}")
_DIGITS = rf"(?:[0-9][0-9.,'’`´{_SPACES}]*|[.,][0-9]+)"
_NUMBER = re.compile(rf"{_DIGITS}(?:[eE][+-]?[0-9]{{1,6}})?(?![0-9])")
_DASH_FOR_CENTS = re.compile(r"[-−–—]{1,2}(?=\s|$)")
_UNIT = re.compile(r"\s*([0-9]{1,6})?\s*[^0-9]*")
_GROUPED = re.compile(rf"(?<=[0-9])['’`´{_SPACES}](?=[0-9]{{3}}(?:[^0-9]|$))")
_PER = words("per")
_WORDS_BEFORE = words("before_price")
_PIECES = words("pieces")
_NOTHING = words("no_price")


@dataclass(frozen=True, slots=True)
class Price:
    """What a cell says: an amount of at least 0, or that no price is known."""

    amount: Decimal | None = None  # at most four decimals
    currency: str | None = None  # ISO 4217, where the cell names it
    unit: int = 1  # the pieces that the amount is for


NO_PRICE = Price()


class BadPrice(Exception):
    """The cell holds no price; the message says why, in a sentence for people."""


def read_price(cell: Cell, decimal: DecimalSign, home: str | None = None) -> Price:
    """The price in a cell. Raises BadPrice.

    `decimal` only decides what "1,234" and "1.234" mean: all else tells it by itself. `home` is the list's own
    currency, for signs that several countries share.
    """
    if isinstance(cell, Amount):
        return Price(_checked(cell.number), cell.currency)
    if isinstance(cell, Decimal):
        return Price(_checked(cell))
    if _PLAIN.fullmatch(cell):
        return Price(Decimal(cell))
    if _USUAL.fullmatch(cell):
        return Price(Decimal(cell.replace(",", ".")))
    return _read_text(cell, decimal, home)


def read_number(text: str, decimal: DecimalSign) -> Decimal | None:
    """A number as people write it, without currency or unit; None when it is none."""
    text = text.strip()[:_LONGEST]
    found = _NUMBER.fullmatch(text.lstrip(_MINUS + _SPACES))
    number = _to_decimal(found[0], decimal) if found else None
    return -number if number is not None and text.startswith(tuple(_MINUS)) else number


def vote(cells: Iterable[Cell]) -> Counter[str]:
    """How many cells can only be meant with a decimal point, and how many only with a decimal comma."""
    votes: Counter[str] = Counter()
    for cell in cells:
        if isinstance(cell, str):
            found = _NUMBER.search(cell[:_LONGEST])
            sign = _decimal_of(found[0].rstrip(".,'’`´" + _SPACES)) if found else None
            if sign is not None:
                votes[sign] += 1
    return votes


def is_ambiguous(cell: Cell) -> bool:
    """Whether only the decimal sign tells what the number means: "1,234" is 1234 or 1.234."""
    found = _NUMBER.search(cell[:_LONGEST]) if isinstance(cell, str) else None
    digits = found[0].rstrip(_SPACES) if found else ""
    is_divided = ("." in digits or "," in digits) and not digits.endswith((".", ","))
    return is_divided and _decimal_of(digits) is None


def _read_text(text: str, decimal: DecimalSign, home: str | None) -> Price:
    text = text.strip()
    if not text or " ".join(text.lower().rstrip("!*:. ").split()) in _NOTHING or text.lower() in _NOTHING:
        return NO_PRICE
    if len(text) > _LONGEST:
        raise BadPrice("the price is not a number")
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1].strip()  # how programs keep a spreadsheet from changing a text
    is_bracketed = text.startswith("(") and text.endswith(")")  # how accountants write less than nothing
    if is_bracketed:
        text = text[1:-1].strip()
    found = _NUMBER.search(text)
    number = _to_decimal(found[0], decimal) if found else None
    if found is None or number is None:
        raise BadPrice("the price is not a number")
    before, after = text[: found.start()], text[found.end() :].strip()
    if found[0].rstrip(_SPACES).endswith((".", ",")) or after.startswith(("–", "—")):
        after = _DASH_FOR_CENTS.sub("", after, count=1).strip()
    is_negative = is_bracketed or any(sign in before for sign in _MINUS) or after.startswith(("-", "−"))
    currency, unit = _read_tail(after.lstrip("-−"), home)
    currency = _read_head(before.strip(_MINUS + _SPACES), home) or currency
    if is_negative and number:
        raise BadPrice("the price is negative")
    return Price(_checked(number), currency, unit)


def _read_head(text: str, home: str | None) -> str | None:
    """The currency that stands before the number."""
    words = [word for word in text.split() if word.lower() not in _WORDS_BEFORE]
    if len(words) > 1:
        raise BadPrice("the price is not a number")
    return _require_currency(words[0], home) if words else None


def _read_tail(text: str, home: str | None) -> tuple[str | None, int]:
    """The currency that stands behind the number, and the pieces that the price is for."""
    money, slash, per = text.partition("/")
    words = money.split()
    for place, word in enumerate(words):
        if not slash and word.lower() in _PER:
            words, per, slash = words[:place], " ".join(words[place + 1 :]), "/"
            break
    found = _UNIT.fullmatch(per)
    if found is None or any(character.isdigit() for word in words for character in word):
        raise BadPrice("the price is not a number")
    unit = int(found[1] or 1)
    if unit == 0:
        raise BadPrice("the price is for no piece")
    if not words or words[0].lower().strip(".") in _PIECES:
        return None, unit
    return _require_currency(words[0], home), unit


def _require_currency(word: str, home: str | None) -> str | None:
    currency = currency_of(word, home)
    if currency is None and word.upper().strip(".") != "KR":
        raise BadPrice(f"the price has {word[:20]!r} beside it, which is no currency")
    return currency


def _checked(number: Decimal) -> Decimal:
    if number < 0:
        raise BadPrice("the price is negative")
    if number > LARGEST:
        raise BadPrice(f"the price is larger than {LARGEST}")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  # no number that is none comes here
    if exponent > 0:
        return number.quantize(Decimal(1))
    return number.quantize(_STEP) if exponent < -4 else number


def _to_decimal(text: str, decimal: DecimalSign) -> Decimal | None:
    """From digits with separators; None when these make no sense."""
    mantissa, _, exponent = text.lower().partition("e")
    mantissa = _GROUPED.sub("", mantissa.strip(_SPACES))
    if mantissa.endswith("."):
        decimal, mantissa = ".", mantissa[:-1]
    elif mantissa.endswith(","):  # as in "1.500,-"
        decimal, mantissa = ",", mantissa[:-1]
    sign = _decimal_of(mantissa) or decimal
    whole, _, fraction = mantissa.rpartition(sign) if sign in mantissa else (mantissa, "", "")
    group = "," if sign == "." else "."
    if group in whole:
        first, *groups = whole.split(group)
        if not 1 <= len(first) <= 3 or any(len(each) != 3 for each in groups):
            return None
        whole = first + "".join(groups)
    whole = whole or "0"
    if not (whole.isascii() and whole.isdigit() and (not fraction or (fraction.isascii() and fraction.isdigit()))):
        return None
    return Decimal(whole + (f".{fraction}" if fraction else "") + (f"e{exponent}" if exponent else ""))


def _decimal_of(text: str) -> DecimalSign | None:
    """The decimal sign that the digits can only be meant with; None when they do not tell."""
    point, comma = text.rfind("."), text.rfind(",")
    if point >= 0 and comma >= 0:
        return "." if point > comma else ","
    if point < 0 and comma < 0:
        return None
    here, other = (".", ",") if point >= 0 else (",", ".")
    if text.count(here) > 1:
        return other  # type: ignore[return-value]  # one of the two
    whole, _, fraction = text.partition(here)
    is_group = len(fraction) == 3 and 1 <= len(whole) <= 3 and whole.isdigit() and not whole.startswith("0")
    return None if is_group else here  # type: ignore[return-value]
