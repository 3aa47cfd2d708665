"""Finds out which column is which, by the names that stand above them."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path

from daemon.workloads.price_lists.reading.options import FIELDS, PRICE_KINDS, PriceKind

_SURE, _WEAK = 100, 50  # a header that is a phrase; one that names the column only when it is all there is
_LONGEST = 200  # characters of a header that are looked at
_WORD = re.compile(r"[^\W_]+")
_COMPOUNDS = {"preis": "price", "prijs": "price", "bezeichnung": "name"}  # German and Dutch write one word


def normalise(header: str) -> tuple[str, ...]:
    """Its words in small letters, without accents and punctuation."""
    return _normalise(header[:_LONGEST])


@lru_cache(4096)
def _normalise(header: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKD", header.replace("#", " no ").casefold()).replace("ł", "l").replace("ø", "o")
    return tuple(_WORD.findall("".join(each for each in text if not unicodedata.combining(each))))


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Of synonyms.toml."""

    phrases: Mapping[tuple[str, ...], Mapping[str, int]]  # words -> field -> score of a header that is just them
    never: Mapping[str, frozenset[str]]
    kinds: Mapping[str, frozenset[tuple[str, ...]]]  # of price
    noise: frozenset[str]


@cache
def synonyms() -> Synonyms:
    """Those of synonyms.toml."""
    with Path(__file__).with_name("synonyms.toml").open("rb") as file:
        raw = tomllib.load(file)
    phrases: dict[tuple[str, ...], dict[str, int]] = {}
    for name in FIELDS:
        for kind, score in (("alone", _WEAK), ("phrases", _SURE)):
            for phrase in raw[name][kind]:
                phrases.setdefault(normalise(phrase), {})[name] = score
    never = {name: frozenset(" ".join(normalise(word)) for word in raw[name]["never"]) for name in FIELDS}
    kinds = {kind: frozenset(normalise(word) for word in words) for kind, words in raw["kinds"].items()}
    return Synonyms(phrases, never, kinds, frozenset(raw["noise"]))


@lru_cache(4096)
def scores_of(header: str) -> Mapping[str, int]:
    """How surely a header names each field, from 1 to 100; fields that it does not name are left out."""
    words = normalise(header)
    known = synonyms()
    if not words or len(words) > 12:
        return {}
    if words in known.phrases:
        return known.phrases[words]
    core = tuple(word for word in words if word not in known.noise) or words
    found: dict[str, int] = {}
    for text in {words, core}:
        for begin, end in combinations(range(len(text) + 1), 2):
            for name, score in known.phrases.get(text[begin:end], {}).items():
                if end - begin < len(text):
                    if score < _SURE:
                        continue
                    score = 55 + 40 * len("".join(text[begin:end])) // len("".join(text))
                found[name] = max(found.get(name, 0), score)
    for word in core:
        for ending, name in _COMPOUNDS.items():
            if word.endswith(ending) and word != ending and not found.get(name):
                found[name] = 70
    joined = f" {' '.join(words)} "
    return {
        name: score for name, score in found.items() if not any(f" {word} " in joined for word in known.never[name])
    }


def price_kind(header: str) -> PriceKind:
    """Which price stands below a header that names a price."""
    words = normalise(header)
    runs = {words[begin:end] for begin in range(len(words)) for end in range(begin + 1, min(len(words), begin + 3) + 1)}
    known = synonyms().kinds
    # "EK-Preis netto" is a dealer's, and "UVP brutto" a retail price.
    for kind in ("dealer", "retail", "gross", "net"):
        if runs & known[kind]:
            return kind
    for word in words:  # compounds
        for begin, kind in (
            ("einkauf", "dealer"),
            ("listen", "retail"),
            ("verkauf", "retail"),
            ("netto", "net"),
            ("brutto", "gross"),
        ):
            if word.startswith(begin):
                return kind  # type: ignore[return-value]
    return "plain"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is which."""

    header: Sequence[str]  # as it stands in the file; of two rows joined; empty where a list has none
    fields: Mapping[str, int]  # field -> position
    score: int  # how surely, to compare headers
    duplicates: Sequence[str] = field(default=())
    named: Mapping[str, str] = field(default_factory=dict)  # fields found by their header -> the header

    @property
    def characteristics(self) -> Mapping[str, int]:
        """Further columns by their header; of equal headers the first."""
        used = set(self.fields.values())
        return {
            name: position
            for position, name in enumerate(self.header)
            if name and position not in used and self.header.index(name) == position
        }


class NoSuchColumn(Exception):
    """A mapping names a column that is not there; the message says which, and what is there."""


def choose_columns(header: Sequence[str], mapping: Mapping[str, str | int | None], price: PriceKind | None) -> Columns:
    """Assign fields to columns: as `mapping` says, then by synonyms. Raises NoSuchColumn."""
    placed = {name: _find(header, name, place) for name, place in mapping.items() if place is not None}
    taken = set(placed.values())
    candidates = [
        (score, name, position)
        for position, text in enumerate(header)
        if text and position not in taken
        for name, score in scores_of(text).items()
        if name not in mapping
    ]
    by_name: dict[str, int] = {}
    total = 0
    prices = [
        (_rank(header[position], price), -score, position) for score, name, position in candidates if name == "price"
    ]
    for score, name, position in sorted(candidates, key=lambda each: (-each[0], FIELDS.index(each[1]), each[2])):
        if name in by_name or position in taken:
            continue
        if name == "price":
            position = min((each for each in prices if each[2] not in taken), default=(0, 0, position))[2]
        by_name[name] = position
        taken.add(position)
        total += score
    repeated = [text for place, text in enumerate(header) if text and text in header[:place]]
    return Columns(
        list(header),
        placed | by_name,
        total + 100 * len(placed),
        list(dict.fromkeys(repeated)),
        {
            name: header[position]
            for name, position in (placed | by_name).items()
            if name in by_name or not is_position(mapping[name], header)
        },
    )


def _rank(header: str, wanted: PriceKind | None) -> int:
    kind = price_kind(header)
    return -1 if kind == wanted else PRICE_KINDS.index(kind)


def _find(header: Sequence[str], name: str, place: str | int) -> int:
    """The position of a column that a mapping names."""
    if isinstance(place, str):
        alike = _alike(header, place)
        if alike:
            return alike[0]
        position = _position(place.strip())
    else:
        position = place
    if position is not None and position < len(header):
        return position
    there = ", ".join(f"“{text}”" for text in header if text)[:500] or f"{len(header)} columns without names"
    raise NoSuchColumn(f"the mapping puts {name} into the column {place!r}, which is not there; there are: {there}")


def is_position(place: str | int | None, header: Sequence[str]) -> bool:
    """Whether it tells a column by its position, not by its header."""
    if not isinstance(place, str):
        return True
    return _position(place.strip()) is not None and not _alike(header, place)


def _alike(header: Sequence[str], name: str) -> list[int]:
    """The positions of a header, exactly as it stands there or else nearly."""
    wanted = " ".join(name.split())
    if wanted in header:
        return [header.index(wanted)]
    words = normalise(wanted)
    return [position for position, text in enumerate(header) if text and words and normalise(text) == words]


def _position(place: str) -> int | None:
    """From a letter ("A", "AB") or digits."""
    if place.isascii() and place.isdigit():
        return int(place)
    if re.fullmatch(r"[A-Z]{1,3}", place):
        position = 0
        for letter in place:
            position = position * 26 + ord(letter) - ord("A") + 1
        return position - 1
    return None
