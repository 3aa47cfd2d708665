"""Hard price lists made from a catalogue: what suppliers do to names, codes, makers, units and prices.

A third of the lines offer what the catalogue has not: their products are taken out of it, what is most like them stays.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.product import CatalogueProduct

MISSING = 0.35  # of the lines offer what the catalogue has not
NOISE = ["NEW", "OEM", "original", "retail packaging", "special offer", "Neu", "lagernd", "promo", "EU version"]
TRANSLATED = {
    "black": ["schwarz", "noir", "blk"],
    "white": ["weiß", "blanc", "wht"],
    "red": ["rot", "rouge"],
    "blue": ["blau", "bleu"],
    "green": ["grün", "vert"],
    "grey": ["grau", "gray", "gris"],
    "yellow": ["gelb", "jaune"],
    "pink": ["rosa"],
    "brown": ["braun"],
    "size": ["Gr.", "size"],
    "cable": ["Kabel"],
    "pieces": ["Stück", "pcs"],
    "battery": ["Akku"],
    "inch": ["in", '"', "Zoll"],
    "with": ["w/", "mit"],
    "set": ["Satz"],
}
UNITS = {
    "nF": ("uF", 1e-3),
    "uF": ("nF", 1e3),
    "kΩ": ("ohm", 1e3),
    "Ω": ("kohm", 1e-3),
    "mA": ("A", 1e-3),
    "A": ("mA", 1e3),
    "mm": ("cm", 0.1),
    "cm": ("mm", 10),
    "m": ("cm", 100),
    "kg": ("g", 1000),
    "g": ("kg", 1e-3),
    "ml": ("l", 1e-3),
    "l": ("ml", 1000),
    "TB": ("GB", 1000),
    "MHz": ("kHz", 1000),
    "kHz": ("MHz", 1e-3),
    "mW": ("W", 1e-3),
    "uH": ("nH", 1000),
    "nH": ("uH", 1e-3),
    "V": ("mV", 1e3),
}
_VALUE = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s?(" + "|".join(sorted(UNITS, key=len, reverse=True)) + r")(?![\w/])")


@dataclass(frozen=True, slots=True)
class HardList:
    """truth: of each line's number the product it offers, None for one that the catalogue has not."""

    products: Sequence[CatalogueProduct]
    lines: Sequence[Line]
    truth: Mapping[int, int | None]


def make_hard_list(products: Sequence[CatalogueProduct], number: int, seed: int) -> HardList:
    """The same for the same seed."""
    chance = random.Random(seed)
    offered = chance.sample(products, min(number, len(products)))
    gone = {product.product_id for product in offered if chance.random() < MISSING}
    lines = [write_line(product, row, chance) for row, product in enumerate(offered, 1)]
    truth = {row: None if p.product_id in gone else p.product_id for row, p in enumerate(offered, 1)}
    return HardList([product for product in products if product.product_id not in gone], lines, truth)


def write_line(product: CatalogueProduct, number: int, chance: random.Random) -> Line:
    """The product as a supplier might list it."""
    maker, code = product.manufacturer, product.part_number
    name = product.name
    for part in (maker, code):
        if part:
            name = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", " ", name)
    if maker:
        name = re.sub(rf"^\W*{re.escape(maker.split()[0])}(?!\w)", " ", name)
    name = write_name(name, chance)
    written = write_code(code, maker, chance) if code else None
    place = chance.choices(["field", "name", "both", "nowhere"], [35, 25, 15, 25])[0]
    if written and place in ("name", "both"):
        name = f"{written} {name}" if chance.random() < 0.5 else f"{name} {written}"
    maker_place = chance.choices(["field", "name", "both", "nowhere"], [35, 20, 25, 20])[0]
    as_written = write_maker(maker, chance) if maker else None
    if as_written and maker_place in ("name", "both"):
        name = f"{as_written} {name}"
    has_code = written is not None and place in ("field", "both")
    ratio = Decimal(str(round(chance.lognormvariate(-0.2, 0.35), 3)))
    return Line(
        number,
        " ".join(name.split())[:200] or product.name[:200],
        sku=f"{chance.randrange(10**6):06d}" if chance.random() < 0.7 else None,
        manufacturer=as_written if maker_place in ("field", "both") else None,
        part_number=written if has_code else None,
        barcode=product.barcode if chance.random() < 0.4 else None,
        price=round(product.price * ratio, 2) if product.price and chance.random() < 0.9 else None,
    )


def write_name(name: str, chance: random.Random) -> str:
    if chance.random() < 0.5:
        name = _VALUE.sub(lambda match: _write_value(match[1], match[2], chance), name)
    words = name.split()
    if len(words) > 3:
        words = [word for word in words if chance.random() > 0.1 or any(map(str.isdigit, word))]
    words = [_write_word(word, chance) for word in words]
    if chance.random() < 0.2:
        cut = chance.randrange(len(words) + 1)
        words = words[cut:] + words[:cut]
    if chance.random() < 0.3:
        words.insert(chance.randrange(len(words) + 1), chance.choice(NOISE))
    text = " ".join(words)
    return text.upper() if chance.random() < 0.15 else text


def _write_value(number: str, unit: str, chance: random.Random) -> str:
    if chance.random() < 0.5:
        other, factor = UNITS[unit]
        number, unit = f"{float(f'{float(number) * factor:.6g}'):g}", other
        if "e" in number:
            number = f"{float(number):f}"
    if chance.random() < 0.3:
        number = number.replace(".", ",")
    return f"{number}{chance.choice(['', ' '])}{unit}"


def _write_word(word: str, chance: random.Random) -> str:
    if (others := TRANSLATED.get(word.lower())) and chance.random() < 0.3:
        return chance.choice(others)
    if not word.isalpha() or len(word) < 5:
        return word
    kind = chance.random()
    if kind < 0.06:
        return word[: chance.randrange(3, 5)] + chance.choice(["", "."])
    if kind < 0.09:
        return word[0] + re.sub("[aeiou]", "", word[1:])
    if kind < 0.11:
        place = chance.randrange(1, len(word) - 1)
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word


def write_code(code: str, maker: str | None, chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.15:
        return re.sub(r"[^A-Za-z0-9]", "", code)
    if kind < 0.25:
        return re.sub(r"[-/.]", " ", code)
    if kind < 0.35:
        return code.lower()
    if kind < 0.40 and maker:
        return f"{maker[:3].upper()}{code}"
    if kind < 0.44:
        return f"{code}-{chance.choice(['TR', 'EU', 'R', 'RL'])}"
    return code


def write_maker(maker: str, chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.15:
        return maker.upper()
    if kind < 0.25:
        return maker.split()[0]
    if kind < 0.30:
        return f"{maker} {chance.choice(['Inc', 'GmbH', 'Ltd.', 'International'])}"
    return maker
