"""Writes the price lists of an invented supplier, in its own words: a list, and the one that follows it.

The same seed gives the same lists, as with the sample catalogue.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from typing import TypeVar

from daemon.demo.catalogue import SampleProduct, read_trade

T = TypeVar("T")

NAME = "Nordhaven Tool Supply"
FILE = "nordhaven.csv"
HEADER = ("Artikelnr.", "Bezeichnung", "Hersteller", "Hersteller-Art.-Nr.", "Händlerpreis € netto", "Bestand")
ENCODING = "cp1252"  # of Windows, as many lists are

MOST = 1_850  # lines about products of the shop
STRANGERS_SHARE = 0.08  # of these, lines about others
COUSINS_SHARE = 0.02  # and about products that the shop has in another colour

# How often the supplier's line is not what the shop says of the product.
NO_MANUFACTURER = 0.1
NO_PART_NUMBER = 0.1
OTHER_WRITING = 0.5  # of a part number: without its signs, or in small letters
SHORTENED = 0.6
TURNED = 0.4
SHOUTED = 0.3

# What the second list says.
GONE = 0.04
REPRICED = 0.3

ABBREVIATIONS = {
    "pieces": "Stk",
    "piece": "Stk",
    "black": "blk",
    "white": "wht",
    "adjustable": "adj.",
    "insulated": "insul.",
    "stainless": "stainl.",
    "magnetic": "magn.",
    "heavy": "hvy",
    "rechargeable": "rechg.",
    "telescopic": "tele.",
    "galvanised": "galv.",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What the supplier sells, as it writes it."""

    sku: str  # the supplier's own
    name: str
    manufacturer: str
    part_number: str
    cents: int
    stock: int
    product: str | None  # sku of the shop's product that it truly is; None: the shop has none

    @property
    def cells(self) -> tuple[str, ...]:
        price = f"{self.cents // 100},{self.cents % 100:02}"
        return self.sku, self.name, self.manufacturer, self.part_number, price, str(self.stock)


@dataclass(frozen=True, slots=True)
class PriceList:
    """A list with what is true of it: the offers that can be read, and the lines that cannot."""

    offers: Sequence[Offer]
    wrong: Sequence[tuple[str, ...]]

    def write(self) -> bytes:
        """The file: cells with semicolons between, a decimal comma, wrong lines among the others."""
        rows = [HEADER, *(offer.cells for offer in self.offers)]
        for number, cells in enumerate(self.wrong, start=1):
            rows.insert(number * len(rows) // (len(self.wrong) + 1), cells)
        return "".join(f"{';'.join(cells)}\r\n" for cells in rows).encode(ENCODING, errors="replace")


WRONG = (
    ("NH-900001", "", "", "", "4,10", "12"),
    ("NH-900002", "Spirit level 60 cm", "Torvald", "", "minus", "3"),
    ("NH-900003", "Folding rule 2 m", "Brannock", "", "-1,95", "40"),
    ("NH-900004", "Work gloves; size 9", "Protevan", "", "2,35", "8"),
    ("NH-900005", "", "", "", "", "1"),
    ("NH-900006", "Cable drum 25 m", "Kabelund", "", "1e308", "5"),
)


def write_first(shop: Sequence[SampleProduct], others: Sequence[SampleProduct], seed: int = 2) -> PriceList:
    """A list of some of the shop's products, one in three at most, and of others that the shop has not."""
    writer = _Writer(Random(seed))  # noqa: S311  # sample data, not secrets
    count = min(MOST, len(shop) // 3)
    step = len(shop) / count if count else 1
    known = [shop[int(place * step)] for place in range(count)]
    cousins = islice(_recolour(shop, read_trade().colours), int(count * COUSINS_SHARE))
    strange = [*others[: int(count * STRANGERS_SHARE)], *cousins]
    offers = [
        *(writer.offer(number, product, product.sku) for number, product in enumerate(known)),
        *(writer.offer(number, product, None) for number, product in enumerate(strange, start=count)),
    ]
    return PriceList(sorted(offers, key=lambda offer: offer.sku), WRONG)


def write_second(first: PriceList, seed: int = 3) -> PriceList:
    """The list of a moment later: some prices are others, some offers are gone."""
    writer = _Writer(Random(seed))  # noqa: S311
    kept = [offer for offer in first.offers if not writer.happens(GONE)]
    return PriceList([writer.reprice(offer) if writer.happens(REPRICED) else offer for offer in kept], first.wrong)


def _recolour(shop: Sequence[SampleProduct], codes: Mapping[str, str]) -> Iterator[SampleProduct]:
    """Products that the shop has not, but for their colour: name and part number tell it. `codes` are of colours."""
    colours = list(codes)
    part_numbers = {product.part_number for product in shop}
    for product in shop:
        for colour, other in zip(colours, [*colours[1:], colours[0]], strict=True):
            if colour in product.name and product.part_number and product.part_number.endswith(codes[colour]):
                part_number = product.part_number.removesuffix(codes[colour]) + codes[other]
                if part_number not in part_numbers:
                    yield replace(product, name=product.name.replace(colour, other), part_number=part_number)


class _Writer:
    def __init__(self, random: Random) -> None:
        self._chance = random.random  # whose sequence is the same everywhere

    def offer(self, number: int, product: SampleProduct, sku: str | None) -> Offer:
        manufacturer = "" if self.happens(NO_MANUFACTURER) else product.manufacturer or ""
        part_number = "" if self.happens(NO_PART_NUMBER) else product.part_number or ""
        if self.happens(OTHER_WRITING):
            part_number = "".join(filter(str.isalnum, part_number)) if self.happens(0.5) else part_number.lower()
        return Offer(
            sku=f"NH-{100_000 + int(self._chance() * 90) * 10_000 + number}",
            name=self._rename(product.name),
            manufacturer=manufacturer.upper() if self.happens(SHOUTED) else manufacturer,
            part_number=part_number,
            cents=self._price(),
            stock=int(self._chance() * 120),
            product=sku,
        )

    def reprice(self, offer: Offer) -> Offer:
        cents = max(1, round(offer.cents * (0.9 + 0.25 * self._chance())))
        return Offer(
            offer.sku, offer.name, offer.manufacturer, offer.part_number, cents + (cents == offer.cents), offer.stock,
            offer.product,
        )  # fmt: skip

    def _price(self) -> int:
        """Many things are cheap, few are dear."""
        share = self._chance()
        return 80 + int(24_000 * share * share * share)

    def happens(self, probability: float) -> bool:
        return self._chance() < probability

    def _rename(self, name: str) -> str:
        words = name.replace(",", "").replace(";", "").split()
        if self.happens(SHORTENED):
            words = [ABBREVIATIONS.get(word.lower(), word) for word in words]
        if self.happens(TURNED) and len(words) > 2:
            words = [*words[1:], words[0]]
        written = " ".join(words)
        return written.upper() if self.happens(SHOUTED) else written
