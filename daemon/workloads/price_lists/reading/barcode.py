"""Barcodes (GTIN) as suppliers and spreadsheets write them."""

import re

_SEPARATORS = str.maketrans("", "", " -\u00a0\u2013'")
_SCIENTIFIC = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_WHOLE = re.compile(r"([0-9]+)[.,]0+")
_SEVERAL = re.compile(r"[,;/|\s]+")
_LENGTHS = (8, 12, 13, 14)
_SHORTENED = {7: 8, 10: 12, 11: 12}  # digits that are left when a spreadsheet took away the noughts, and were
_MISSING = 2  # noughts at the end that a number in scientific notation may have left out


def read_barcode(text: str) -> str | None:
    """Its 8, 12, 13 or 14 digits; None when it is none, such as one whose check digit is wrong.

    Noughts that a spreadsheet took away at the beginning are put back; an ISBN of ten characters becomes one of
    thirteen; of several the first is taken.
    """
    if len(text) == 13 and text.isdigit() and text.isascii() and is_valid(text):
        return text if text.strip("0") else None  # as most are: the short way
    text = text.strip().removeprefix("=").strip("\"'")
    whole = _read_one(text)
    if whole is not None:
        return whole
    for part in _SEVERAL.split(text, maxsplit=8)[:8]:
        if len(part) >= 8 and (found := _read_one(part)) is not None:
            return found
    return None


def is_valid(digits: str) -> bool:
    """Whether the check digit is right: counted from it, digits weigh 1 and 3 by turns (GS1 General Specifications)."""
    values = digits.encode()
    ones, threes = (values[::2], values[1::2]) if len(values) % 2 else (values[1::2], values[::2])
    return (sum(ones) + 3 * sum(threes) - 48 * (len(ones) + 3 * len(threes))) % 10 == 0


def _read_one(text: str) -> str | None:
    text = text.translate(_SEPARATORS)
    if not (text.isascii() and text.isdigit()):
        if len(text) == 10 and text[:9].isascii() and text[:9].isdigit() and text[9] in "xX":
            return _from_isbn(text)
        unwrapped = _from_number(text)
        if unwrapped is None:
            return None
        text = unwrapped
    if len(text) in _LENGTHS and is_valid(text):
        return text if text.strip("0") else None
    if len(text) == 10 and (isbn := _from_isbn(text)) is not None:
        return isbn
    if len(text) in _SHORTENED:
        padded = text.zfill(_SHORTENED[len(text)])
        return padded if is_valid(padded) and padded.strip("0") else None
    return None


def _from_number(text: str) -> str | None:
    """Digits of a number as a spreadsheet writes long ones; None when digits were lost."""
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        return whole[1]
    found = _SCIENTIFIC.fullmatch(text)
    if found is None:
        return None
    digits = found[1] + (found[2] or "")
    length = int(found[3]) + 1
    if not len(digits) <= length <= min(len(digits) + _MISSING, 14):
        return None
    return digits.ljust(length, "0")


def _from_isbn(text: str) -> str | None:
    """The ISBN-13 of an ISBN-10 (ISO 2108); None when its check digit is wrong."""
    values = [*map(int, text[:9]), 10 if text[9] in "xX" else int(text[9])]
    if sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11:
        return None
    body = "978" + text[:9]
    return next(body + str(check) for check in range(10) if is_valid(body + str(check)))
