"""What a text says, as facts that can be compared: words, numbers, codes, colours, sizes, quantities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from typing import NamedTuple

from daemon.workloads.price_lists.matching.quantities import find_quantities, units
from daemon.workloads.price_lists.matching.text import LONGEST_CODE, compact, fold, tidy
from daemon.workloads.price_lists.matching.variants import colours, conditions

WORD, NUMBER, CODE, COLOUR, CONDITION, SIZE = range(6)
FIRST_DIMENSION = 6
MOST = 120  # facts of one text that are kept
SHORTEST_CODE = 4

_CHUNK = re.compile(r"[^\s,;()\[\]{}|\"&+]+")
_PART = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
_SIZE = re.compile(
    r"(?<!\w)(?:size|gr(?:ö|oe)?(?:ße|sse)?\.?|taille|talla|taglia|maat|eu|uk|us)[\s:.-]{0,2}"
    r"(\d{1,3}(?:[.,]5)?|[2-6]?x{0,3}[sml])(?!\w)|(?<![\w-])([2-6]xl|x{1,4}l|xx?s)(?![\w-])",
    re.IGNORECASE,
)
_LAST_SIZE = re.compile(r"(?<![^\s])[SML]$")
_PACK_HINT = re.compile(r"pa|pk|pck|set|bo?x|case|bag|lot|ca?rto?n|conf|ct", re.IGNORECASE)
_PACK = re.compile(
    r"(?<!\w)(?:pack|set|box|case|bag|lot|carton|pkg|paquet|lote|confezione|packung|karton)\s?(?:of|à|de|da|mit|a)\s?(\d{1,5})(?!\w)"
    r"|(?<!\w)(twin|dual|double|two|triple|three|four|six|single|doppel|2er|3er|4er|5er|6er|10er)[\s-]?(?:pack|pk|pck|set)(?!\w)"
    r"|(?<![\w.,])(\d{1,4})\s?(?:er|-er)?[\s-]?(?:pack|pk|set)(?!\w)"
    r"|(?<![\w.,])(\d{1,4})\s?/\s?(?:pack|pk|box|ctn|carton|bx|ct)(?!\w)",
    re.IGNORECASE,
)
_PACK_WORDS = {
    "twin": 2, "dual": 2, "double": 2, "two": 2, "doppel": 2, "2er": 2, "triple": 3, "three": 3, "3er": 3, "four": 4,
    "4er": 4, "5er": 5, "six": 6, "6er": 6, "10er": 10, "single": 1,
}  # fmt: skip


class Fact(NamedTuple):
    group: int
    text: str  # for people, and what makes it this fact and no other


class Facts(NamedTuple):
    """`said` is what the name says; `known` what other columns add, of which a name need say nothing.

    With each fact how it was written, "" where that says no more.
    """

    said: dict[Fact, str]
    known: dict[Fact, str]


@cache
def groups() -> tuple[str, ...]:
    """The names of the groups, by number: the dimensions follow those that are no quantities."""
    return ("word", "number", "code", "colour", "condition", "size", *units().names)


@cache
def _dimension_groups() -> dict[str, int]:
    return {name: number for number, name in enumerate(groups())}


def read_facts(
    name: str, manufacturer: str | None, part_number: str | None, sku: str | None, attributes: Mapping[str, str]
) -> Facts:
    said: dict[Fact, str] = {}
    known: dict[Fact, str] = {}
    _read_text(name, said)
    if manufacturer:
        _read_text(manufacturer[:80], known)
    for code in (part_number, sku):
        if code and len(short := compact(code)) >= SHORTEST_CODE:
            known[Fact(CODE, short)] = ""
    for value in list(attributes.values())[:20]:
        _read_text(value[:100], known)
    return Facts(said, {fact: known[fact] for fact in list(known)[:MOST] if fact not in said})


def _read_text(text: str, facts: dict[Fact, str]) -> None:
    """Add what the text says."""
    text = tidy(text)
    _read_variants(text, facts)
    if any(map(str.isdigit, text)):
        text = _read_quantities(text, facts)
    for chunk in _CHUNK.findall(fold(text)):
        if len(facts) >= MOST:
            return
        if chunk.isalpha():
            facts[_word(chunk[:LONGEST_CODE])] = ""
            continue
        parts = [part[:LONGEST_CODE] for part in _PART.findall(chunk)]
        has_digit = any(part[0].isdigit() for part in parts)
        is_mixed = has_digit and any(part[0].isalpha() for part in parts)
        for part in parts:
            if part[0].isdigit():
                facts[Fact(WORD if is_mixed else NUMBER, part)] = ""
            elif len(part) > 1:
                facts[_word(part)] = ""
        if has_digit:
            short = "".join(parts).replace(".", "")
            if len(short) >= SHORTEST_CODE:
                facts[Fact(CODE, short[:LONGEST_CODE])] = ""


def _read_variants(text: str, facts: dict[Fact, str]) -> None:
    """Add packs and sizes, which may be told in words and letters."""
    if _PACK_HINT.search(text):
        for pack in _PACK.finditer(text):
            word = pack[2]
            count = _PACK_WORDS[word.lower()] if word else int(pack[1] or pack[3] or pack[4])
            facts[Fact(_dimension_groups()["pack"], f"{count:g}")] = ""
    for size in _SIZE.finditer(text):
        facts[Fact(SIZE, (size[1] or size[2]).lower().replace(",", "."))] = ""
    if last := _LAST_SIZE.search(text):
        facts[Fact(SIZE, last[0].lower())] = ""


def _read_quantities(text: str, facts: dict[Fact, str]) -> str:
    """Add numbers with units. Returns the text without the units; what is left of it is still to be read."""
    dimensions = _dimension_groups()
    rest, end = [], 0
    for found in find_quantities(text):
        facts[Fact(dimensions[found.quantity.dimension], f"{found.quantity.value:g}")] = found.written
        if found.start >= end:
            rest.append(text[end : found.start])
            rest.append(f" {found.number:g} ")
            end = found.end
    return "".join([*rest, text[end:]]) if rest else text


@lru_cache(maxsize=1 << 15)
def _word(word: str) -> Fact:
    """A colour, a condition, or the word without the s of a plural: "cartridges" are a "cartridge"."""
    if colour := colours().get(word):
        return Fact(COLOUR, colour)
    if condition := conditions().get(word):
        return Fact(CONDITION, condition)
    return Fact(WORD, word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word)


@lru_cache(maxsize=1 << 16)
def key_of(fact: Fact) -> int:
    """The fact as a signed 64-bit number, the same in every process."""
    content = f"{groups()[fact.group]} {fact.text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little", signed=True)
