"""Barcodes as one number: GTIN-8, -12, -13, -14 and ISBN-10 of the same product are equal."""

_LENGTHS = frozenset({8, 12, 13, 14})


def read_barcode(text: str | None) -> int:
    """The GTIN-14 as a number; 0 where the text is none, or its check digit is wrong (GS1 General Specifications)."""
    if not text or len(text) > 40:
        return 0
    digits = "".join(sign for sign in text if "0" <= sign <= "9")
    if (len(digits) == 9 and text.rstrip()[-1] in "xX") or len(digits) == 10:
        return _read_isbn(f"{digits}X"[:10])
    if len(digits) not in _LENGTHS or not int(digits) or any(sign.isalpha() for sign in text):
        return 0
    return int(digits) if _check_digit(digits[:-1]) == digits[-1] else 0


def _read_isbn(isbn: str) -> int:
    """An ISBN-10 as the ISBN-13 that it has become (ISO 2108)."""
    values = [10 if sign == "X" else int(sign) for sign in isbn]
    if not any(values) or sum(value * weight for value, weight in zip(values, range(10, 0, -1), strict=True)) % 11:
        return 0
    body = f"978{isbn[:9]}"
    return int(body + _check_digit(body))


def _check_digit(digits: str) -> str:
    total = sum(int(sign) * (3, 1)[place % 2] for place, sign in enumerate(reversed(digits)))
    return str(-total % 10)
