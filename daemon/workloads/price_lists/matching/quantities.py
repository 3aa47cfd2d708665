"""Numbers with units: "16 GB", "36-inches", "1,5 l" and "100nF" as values that can be compared."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

NUMBER = r"\d{1,2}/\d{1,2}|\d{1,9}(?:[.,]\d{1,9})*(?:[ -]\d{1,2}/\d{1,2})?"
UNIT = r"fl\.?\s?oz|sq\.?\s?mm|[^\W\d_°]{1,12}(?:/[^\W\d_]{1,6}2?|[23])?|°\s?[cf]|[\"”″%]|''|/[a-z]{2,4}"
COARSE = frozenset({"length", "area", "mass", "volume", "temperature"})  # told in rounded figures: inches, ounces
_QUANTITY = re.compile(rf"(?<![\w.,/])({NUMBER})\s?-?\s?({UNIT})(?![\w/])", re.IGNORECASE)
_IN_ONE = re.compile(r"\s?-?\s?\d")  # "3 in 1" are no inches
RESISTANCE = re.compile(r"(?<![\w.])(\d{1,3})([RrKk])(\d{1,2})(?![\w.])")  # 4k7 (IEC 60062)
RESISTANCE_FACTORS = {"r": 1.0, "k": 1e3}


class Quantity(NamedTuple):
    """`value` is rounded so far that what means the same is equal: 2 digits for COARSE dimensions, else 3."""

    dimension: str
    value: float


class Found(NamedTuple):
    quantity: Quantity
    number: float  # as written, without the unit
    written: str  # the number and the unit
    start: int
    end: int


class Units:
    """The units of units.toml."""

    def __init__(self) -> None:
        content = tomllib.loads((files(__package__) / "units.toml").read_text(encoding="utf-8"))
        self.names: dict[str, str] = {}  # dimension: the unit its values are told in
        self._exact: dict[str, tuple[str, float]] = {}
        self._folded: dict[str, tuple[str, float]] = {}
        for dimension, units in content.items():
            self.names[dimension] = units.pop("name")
            for unit, factor in units.pop("exact", {}).items():
                self._exact[unit] = (dimension, float(factor))
            for unit, factor in units.items():
                for form in {unit, f"{unit}s"} if unit[-1].isalpha() and len(unit) > 1 else {unit}:
                    self._folded[form] = (dimension, float(factor))

    def find(self, unit: str) -> tuple[str, float] | None:
        """Its dimension and factor; None where capitals matter and are others."""
        if found := self._exact.get(unit):
            return found
        folded = unit.lower()
        return self._folded.get(folded) or self._folded.get(folded.replace(" ", "").replace(".", ""))


@cache
def units() -> Units:
    return Units()


def find_quantities(text: str) -> list[Found]:
    """All numbers with units in a tidy text, from left to right."""
    known = units()
    found = []
    for match in _QUANTITY.finditer(text):
        number, unit = match[1], match[2]
        measure = known.find(unit)
        if unit == "in" and _IN_ONE.match(text, match.end()):
            continue
        value = read_number(number)
        if measure and value:
            factor = measure[1] / 1.024 if measure[0] == "byte" and value % 1024 == 0 else measure[1]
            quantity = Quantity(measure[0], _round(value * factor, measure[0]))
            found.append(Found(quantity, value, f"{value:g} {unit}", match.start(), match.end()))
    for match in RESISTANCE.finditer(text):
        value = float(f"{match[1]}.{match[3]}")
        ohms = _round(value * RESISTANCE_FACTORS[match[2].lower()], "resistance")
        found.append(Found(Quantity("resistance", ohms), value, match[0], *match.span()))
    return found


def read_number(text: str) -> float:
    """`1,5` `1,500` `8-1/2` `3/4`. A comma before exactly three digits parts thousands. 0 for what is no number."""
    whole, _, fraction = text.replace(" ", "-").rpartition("-")
    if "/" in fraction:
        upper, lower = fraction.split("/")
        if not 0 < int(upper) < int(lower):
            return 0.0
        return (read_number(whole) if whole else 0.0) + int(upper) / int(lower)
    head, *groups = re.split("[.,]", fraction)
    if not groups:
        return float(head)
    if len(groups) > 1 or ("," in fraction and len(groups[0]) == 3 and head != "0"):
        *groups, last = groups
        is_whole = all(len(group) == 3 for group in groups) and len(last) == 3
        return float("".join([head, *groups, last])) if is_whole else float(f"{''.join([head, *groups])}.{last}")
    return float(f"{head}.{groups[0]}")


def _round(value: float, dimension: str) -> float:
    return float(f"{value:.1e}" if dimension in COARSE else f"{value:.2e}")
