"""Manufacturers' names: when two of them mean the same."""

import re
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz

from daemon.workloads.price_lists.matching.text import fold, tidy

Kinship = Literal["same", "alike", "other", "unknown"]

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 80
# What says nothing about who it is: legal forms, and what half of all companies are called.
_EMPTY = frozenset(
    [
        "ab",
        "ag",
        "as",
        "bv",
        "by",
        "co",
        "company",
        "corp",
        "corporation",
        "electronics",
        "electronic",
        "gmbh",
        "group",
        "holding",
        "holdings",
        "inc",
        "incorporated",
        "industries",
        "international",
        "kg",
        "kk",
        "limited",
        "llc",
        "llp",
        "ltd",
        "mfg",
        "manufacturing",
        "nv",
        "oy",
        "plc",
        "pty",
        "sa",
        "sarl",
        "sas",
        "se",
        "spa",
        "sl",
        "srl",
        "tech",
        "technologies",
        "technology",
        "the",
        "und",
        "and",
        "products",
        "systems",
        "usa",
        "us",
        "uk",
        "europe",
        "deutschland",
        "de",
        "com",
        "global",
        "brands",
        "brand",
    ]
)
_ALIASES = {
    "hewlettpackard": "hp", "hewlettpackardenterprise": "hpe", "generalelectric": "ge", "westerndigital": "wd",
    "blackdecker": "blackanddecker", "lgelectronics": "lg", "fujifilm": "fuji", "minnesotamining": "3m",
    "internationalbusinessmachines": "ibm", "americanpowerconversion": "apc", "texasinstruments": "ti",
    "stmicroelectronics": "st", "okidata": "oki",
}  # fmt: skip
_LIKE = 88  # of 100 in Jaro-Winkler-like similarity, from which two spellings are one name


def maker_words(name: str | None) -> tuple[str, ...]:
    """The words of a maker's name that tell who it is; () for no name."""
    if not name:
        return ()
    words = _WORD.findall(fold(tidy(name[:_LONGEST])))
    telling = tuple(word for word in words if word not in _EMPTY)
    telling = telling or tuple(words)
    alias = _ALIASES.get("".join(telling))
    return (alias,) if alias else telling


@lru_cache(maxsize=20_000)
def compare_makers(one: tuple[str, ...], other: tuple[str, ...]) -> Kinship:
    """Symmetric. "alike": one is part of the other, its initials, or the same but for a letter or two."""
    if not one or not other:
        return "unknown"
    joined, against = "".join(one), "".join(other)
    if joined == against:
        return "same"
    if set(one) <= set(other) or set(other) <= set(one):
        return "alike"
    short, long = sorted((joined, against), key=len)
    if len(short) >= 4 and long.startswith(short):
        return "alike"
    for words, initials in ((one, against), (other, joined)):
        if len(words) > 1 and "".join(word[0] for word in words) == initials:
            return "alike"
    return "alike" if len(short) >= 4 and fuzz.ratio(joined, against) >= _LIKE else "other"
