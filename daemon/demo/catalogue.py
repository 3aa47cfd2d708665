"""Generates the sample catalogue: the products of an invented wholesaler, as untidy as real ones.

The same seed gives the same rows on every platform and Python version: chance comes from Random.random()
alone, the one method whose sequence the standard library promises to keep.
"""

import re
import tomllib
from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")

TRADE = Path(__file__).with_name("trade.toml")

HELD_BACK = 0.20  # share of products without a category yet
CONTRADICTORY = 0.016  # share whose wording or attributes are those of another category
MISSPELT = 0.04
SHOUTED = 0.05  # share of names in upper case

# Given that a product has attributes at all: how often each one is filled in.
FILLED = 0.7
COMMON_FILLED = 0.5


@dataclass(frozen=True, slots=True)
class Care:
    """How well a supplier fills in its list: the probability of each omission."""

    no_manufacturer: float
    no_part_number: float
    no_description: float
    no_attributes: float
    vague_name: float  # one that does not say what the thing is


USUAL = Care(no_manufacturer=0.03, no_part_number=0.03, no_description=0.2, no_attributes=0.04, vague_name=0.1)
HASTY = Care(no_manufacturer=0.25, no_part_number=0.7, no_description=0.85, no_attributes=0.8, vague_name=0.8)
HASTY_SHARE = 0.15

NAMES = (
    "{manufacturer} {series} {word} {noun} {size}",
    "{manufacturer} {noun} {series} {size} {colour}",
    "{noun} {word} {size} {manufacturer}",
    "{word} {noun}, {size}, {colour}",
    "{series} {noun} {size}, {pack}",
    "{noun} {size} {word}",
)
VAGUE_NAMES = (
    "{manufacturer} {series} {colour}",
    "{manufacturer} {series}, {pack}",
    "{series} {size}, {pack}",
    "{word} {series}, {colour}",
)
DESCRIPTIONS = (
    "{noun} {use}.",
    "{word}, {use}. {pack}.",
    "{series} {noun}, {word} and {other_word}, {use}.",
    "{size}, {colour}, {other_word}.",
    "From the {series} series by {manufacturer}, {use}.",
)


class SampleCategory(NamedTuple):
    """A leaf of the category tree; the path is "department > label"."""

    code: str
    label: str
    path: str


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """One product as the shop knows it; a missing field is None, or an empty object for attributes."""

    sku: str
    name: str
    manufacturer: str | None
    part_number: str | None
    description: str | None
    attributes: dict[str, str]  # values with their units
    true_category: str
    category_code: str | None  # None: held back, to be predicted


@dataclass(frozen=True, slots=True)
class SampleCatalogue:
    """The leaf categories in the order of trade.toml, and the products in the order of their sku."""

    categories: Sequence[SampleCategory]
    products: Sequence[SampleProduct]


def sample_catalogue(products: int = 24_000, seed: int = 1) -> SampleCatalogue:
    """Generate so many products; about one in five is not yet categorised. Takes some 10 µs a product.

    Untidy in measure: by all fields together a good classifier gets 95 to 97 % of the categories right.
    """
    trade = read_trade()
    writer = _Writer(trade, Random(seed))  # noqa: S311 - sample data, not secrets
    return SampleCatalogue(
        categories=[
            SampleCategory(each.code, each.label, f"{each.department} > {each.label}") for each in trade.categories
        ],
        products=[writer.product(number) for number in range(1, products + 1)],
    )


@dataclass(frozen=True, slots=True)
class Category:
    """The vocabulary of one category."""

    code: str
    label: str
    department: str
    nouns: Sequence[str]
    words: Sequence[str]
    uses: Sequence[str]
    attributes: Mapping[str, Sequence[str]]  # the first one is the size

    @property
    def sizes(self) -> Sequence[str]:
        """The values of the attribute that stands in names and part numbers."""
        return next(iter(self.attributes.values()))


@dataclass(frozen=True, slots=True)
class Maker:
    """A manufacturer, what it makes, and how it numbers that."""

    name: str
    series: Sequence[str]
    part_number: str  # a format string over line, size, model, colour and pack
    lines: Mapping[str, str]  # category code -> prefix of the part numbers there


@dataclass(frozen=True, slots=True)
class Trade:
    """The content of trade.toml."""

    categories: Sequence[Category]
    makers: Sequence[Maker]
    colours: Mapping[str, str]  # colour -> code in part numbers
    packs: Mapping[str, str]  # packing -> code in part numbers
    common: Mapping[str, Sequence[str]]  # attributes of every category


def read_trade(path: Path = TRADE) -> Trade:
    """Read the vocabulary of the trade."""
    with path.open("rb") as file:
        raw = tomllib.load(file)
    return Trade(
        categories=[Category(code=code, **fields) for code, fields in raw["category"].items()],
        makers=[Maker(**fields) for fields in raw["maker"]],
        colours=raw["colours"],
        packs=raw["packs"],
        common={**raw["common"], "Colour": list(raw["colours"]), "Pack": list(raw["packs"])},
    )


class _Writer:
    """Writes one product after the other; keeps the running numbers of each maker's lines."""

    def __init__(self, trade: Trade, random: Random) -> None:
        self._trade = trade
        self._chance = random.random
        self._colours = list(trade.colours)
        self._packs = list(trade.packs)
        self._makers = {
            category.code: [maker for maker in trade.makers if category.code in maker.lines]
            for category in trade.categories
        }
        self._models: Counter[tuple[str, str]] = Counter()
        # Some categories are large and some small, the largest about six times the smallest.
        self._shares = list(accumulate(0.4 + 2 * self._chance() ** 2 for _ in trade.categories))

    def product(self, number: int) -> SampleProduct:
        """Write the next product, the facts first and then what the shop was told of them."""
        category = self._trade.categories[bisect(self._shares, self._chance() * self._shares[-1])]
        maker = self._pick(self._makers[category.code])
        size, colour, pack = self._pick(category.sizes), self._pick(self._colours), self._pick(self._packs)

        worded = described = category
        if self._happens(CONTRADICTORY):
            other = self._pick(self._trade.categories)
            worded, described = (other, category) if self._happens(0.5) else (category, other)

        terms = {
            "manufacturer": maker.name,
            "series": self._pick(maker.series),
            "noun": self._pick(worded.nouns),
            "word": self._pick(worded.words),
            "other_word": self._pick(worded.words),
            "use": self._pick(worded.uses),
            "size": size,
            "colour": colour,
            "pack": pack,
        }
        care = HASTY if self._happens(HASTY_SHARE) else USUAL
        part_number = self._part_number(maker, category, size, colour, pack)
        return SampleProduct(
            sku=f"W{number:06}",
            name=self._name(terms, VAGUE_NAMES if self._happens(care.vague_name) else NAMES),
            manufacturer=None if self._happens(care.no_manufacturer) else maker.name,
            part_number=None if self._happens(care.no_part_number) else part_number,
            description=None if self._happens(care.no_description) else self._sentence(DESCRIPTIONS, terms),
            attributes={} if self._happens(care.no_attributes) else self._attributes(described, size, colour, pack),
            true_category=category.code,
            category_code=None if self._happens(HELD_BACK) else category.code,
        )

    def _part_number(self, maker: Maker, category: Category, size: str, colour: str, pack: str) -> str:
        line = maker.lines[category.code]
        self._models[maker.name, line] += 1
        return maker.part_number.format(
            line=line,
            size="".join(re.findall("[0-9]", size)),
            model=self._models[maker.name, line],
            colour=self._trade.colours[colour],
            pack=self._trade.packs[pack],
        )

    def _name(self, terms: Mapping[str, str], patterns: Sequence[str]) -> str:
        name = self._sentence(patterns, terms)
        if self._happens(MISSPELT):
            name = self._misspell(name)
        return name.upper() if self._happens(SHOUTED) else name

    def _sentence(self, patterns: Sequence[str], terms: Mapping[str, str]) -> str:
        sentence = self._pick(patterns).format_map(terms)
        return sentence[0].upper() + sentence[1:]

    def _misspell(self, text: str) -> str:
        """Swap two letters, or lose one, in a word of five letters or more."""
        words = list(re.finditer("[a-z]{5,}", text))
        if not words:
            return text
        word = self._pick(words)
        at = word.start() + int(self._chance() * (len(word[0]) - 1))
        slip = text[at + 1] + text[at] if self._happens(0.5) else text[at]
        return text[:at] + slip + text[at + 2 :]

    def _attributes(self, category: Category, size: str, colour: str, pack: str) -> dict[str, str]:
        """Fill in some of the category's attributes; what is already known agrees with it."""
        known = {"Colour": colour, "Pack": pack}
        if size in category.sizes:
            known[next(iter(category.attributes))] = size
        offered = [
            *((name, values) for name, values in category.attributes.items() if self._happens(FILLED)),
            *((name, values) for name, values in self._trade.common.items() if self._happens(COMMON_FILLED)),
        ]
        return {name: known.get(name) or self._pick(values) for name, values in offered}

    def _happens(self, probability: float) -> bool:
        return self._chance() < probability

    def _pick(self, options: Sequence[T]) -> T:
        return options[int(self._chance() * len(options))]
