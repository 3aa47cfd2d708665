"""An invented shop of many near misses: series of clothing, shoes, tools, books, office goods, food, cables, memory.

Nothing in it is taken from a real catalogue. Makers and articles are made of syllables; what varies within a series
(colour, size, length, capacity, pack, edition) is what lines of real lists confuse.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import product as combinations

from daemon.workloads.price_lists.product import CatalogueProduct

SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeio"]
ENDINGS = ["", "n", "r", "x", "l", "tec", "line", "form", "san", "max"]
LEGAL = ["", "", "", " GmbH", " Inc.", " Ltd", " AG", " Tools", " Europe"]
COLOURS = ["black", "white", "red", "blue", "green", "grey", "navy", "yellow", "pink", "brown"]
LETTERS = ["S", "M", "L", "XL", "XXL", "3XL"]

# kind of article: (what it is called, what varies within a series)
Series = tuple[str, Sequence[Sequence[str]]]
SERIES: Sequence[Series] = (
    ("Men's T-Shirt Crew Neck {0} Size {1}", (COLOURS, LETTERS)),
    ("Ladies Softshell Jacket {0} {1}", (COLOURS, LETTERS)),
    ("Work Trousers Multi Pocket {0} W{1}", (COLOURS[:4], ["30", "32", "34", "36", "38"])),
    ("Running Shoe {0} EU {1}", (COLOURS[:5], ["38", "39", "40", "41", "42", "43", "44", "45"])),
    ("Safety Gloves Nitrile Coated {0} Size {1}", (["Grey", "Black"], ["7", "8", "9", "10", "11"])),
    ("Cordless Drill Driver {0} with {1} Battery", (["12V", "18V", "36V"], ["1.5Ah", "2.0Ah", "4.0Ah", "5.0Ah"])),
    ("HSS Twist Drill Bit {0} x {1}", (["2 mm", "3 mm", "4 mm", "6 mm", "8 mm", "10 mm"], ["single", "10 pcs"])),
    ("Hex Key Set {0} pieces {1}", (["7", "9", "13"], ["metric", "inch", "Torx"])),
    ("Circular Saw Blade {0} {1} teeth", (["160 mm", "190 mm", "216 mm", "254 mm"], ["24", "40", "60", "80"])),
    ("Sanding Discs 125 mm grit {0} pack of {1}", (["40", "60", "80", "120", "180", "240"], ["10", "50"])),
    ("Stainless Steel Bolt M{0} x {1} mm", (["4", "5", "6", "8"], ["10", "12", "16", "20", "25", "30"])),
    ("Copy Paper A4 {0} {1} sheets", (["75 g", "80 g", "90 g", "120 g"], ["250", "500", "2500"])),
    ("Ballpoint Pen {0} medium {1}", (COLOURS[:5], ["single", "pack of 10", "pack of 50"])),
    ("Ring Binder A4 {0} {1} mm", (COLOURS[:6], ["50", "80"])),
    ("Toner Cartridge {0} {1} pages", (["black", "cyan", "magenta", "yellow"], ["1500", "3000", "7500"])),
    ("Alkaline Battery {0} {1}", (["AA", "AAA", "C", "D", "9V"], ["4-pack", "8-pack", "20-pack"])),
    ("Whole Bean Coffee {0} {1}", (["Crema", "Espresso", "Decaf"], ["250 g", "500 g", "1 kg"])),
    ("Olive Oil Extra Virgin {0} {1}", (["mild", "fruity"], ["250 ml", "500 ml", "750 ml", "1 l", "5 l"])),
    ("Shampoo {0} {1}", (["Repair", "Volume", "Sensitive"], ["200 ml", "400 ml"])),
    ("HDMI Cable {0} {1}", (["1 m", "2 m", "3 m", "5 m", "10 m"], ["black", "white"])),
    ("USB-C Charging Cable {0} {1}", (["0.5 m", "1 m", "2 m"], COLOURS[:4])),
    ("Cat 6 Patch Cable {0} {1}", (["0.5 m", "1 m", "2 m", "3 m", "5 m"], COLOURS[:6])),
    ("USB Flash Drive {0} {1}", (["16 GB", "32 GB", "64 GB", "128 GB"], ["USB 2.0", "USB 3.0"])),
    ("Internal SSD {0} {1}", (["250 GB", "500 GB", "1 TB", "2 TB"], ["SATA", "NVMe"])),
    ("Gigabit Switch {0} {1}", (["5 ports", "8 ports", "16 ports", "24 ports"], ["unmanaged", "managed", "PoE"])),
    ("LED Bulb E27 {0} {1}", (["4 W", "7 W", "9 W", "13 W"], ["2700 K", "4000 K", "6500 K"])),
    ("LED Monitor {0} {1}", (["22 inch", "24 inch", "27 inch", "32 inch"], ["Full HD", "WQHD", "4K"])),
    ("Laptop Sleeve {0} {1}", (["13.3 inch", "14 inch", "15.6 inch", "17.3 inch"], COLOURS[:5])),
    ("Phone Case for {0} {1}", (["Nova 4", "Nova 5", "Nova 5 Pro", "Nova 6"], COLOURS[:6])),
    ("Frying Pan non-stick {0} {1}", (["20 cm", "24 cm", "28 cm", "32 cm"], ["induction", "gas"])),
    ("Storage Box with lid {0} {1}", (["5 l", "12 l", "30 l", "60 l"], ["clear", "grey"])),
    ("Garden Hose {0} {1}", (['1/2"', '3/4"'], ["10 m", "20 m", "30 m", "50 m"])),
)  # fmt: skip
TOPICS = [
    "River",
    "Winter",
    "Garden",
    "Silence",
    "Machine",
    "Harbour",
    "Island",
    "Letter",
    "Mountain",
    "Shadow",
    "Bread",
    "History",
    "Bridge",
    "Forest",
    "Night",
]
FORMATS = ["Paperback", "Hardcover", "Large Print"]


def make_shop(number: int, seed: int) -> list[CatalogueProduct]:
    """About `number` products, the same for the same seed; each series is whole."""
    chance = random.Random(seed)
    made: list[CatalogueProduct] = []
    while len(made) < number:
        series = _books(chance) if chance.random() < 0.1 else _goods(chance)
        for name, maker, part_number, price, attributes in series:
            barcode = _gtin(chance) if chance.random() < 0.5 else None
            made.append(
                CatalogueProduct(
                    len(made) + 1, name, f"S{len(made):06d}", maker, part_number, barcode, price, attributes
                )
            )
    return made[:number]


Goods = tuple[str, str | None, str | None, Decimal | None, dict[str, str]]


def _goods(chance: random.Random) -> Iterator[Goods]:
    pattern, choices = chance.choice(SERIES)
    maker = invent_word(chance).title() + chance.choice(ENDINGS) + chance.choice(LEGAL)
    model = invent_word(chance).title() if chance.random() < 0.7 else ""
    has_codes, is_described = chance.random() < 0.7, chance.random() < 0.3
    stem = f"{invent_word(chance)[:3].upper()}{chance.choice(['', '-'])}{chance.randrange(10, 9999)}"
    base = chance.uniform(2, 200)
    for place, chosen in enumerate(combinations(*choices)):
        words = (
            [maker.split()[0], model, pattern.format(*chosen)]
            if chance.random() < 0.8
            else [model, pattern.format(*chosen)]
        )
        code = f"{stem}{chance.choice(['-', '/', ''])}{place:02d}" if has_codes else None
        if code and chance.random() < 0.3:
            words.append(code)
        price = Decimal(str(round(base * chance.uniform(0.9, 1.3), 2))) if chance.random() < 0.8 else None
        attributes = {f"property {n}": value for n, value in enumerate(chosen)} if is_described else {}
        yield " ".join(filter(None, words)), maker, code, price, attributes


def _books(chance: random.Random) -> Iterator[Goods]:
    author = f"{invent_word(chance).title()} {invent_word(chance).title()}"
    title = f"The {chance.choice(TOPICS)} of {invent_word(chance).title()}"
    for volume, form in combinations(range(1, chance.randrange(2, 6)), FORMATS):
        name = f"{title}, Vol. {volume} by {author} ({form})"
        yield (
            name,
            invent_word(random.Random(author)).title() + " Press",
            None,
            Decimal("9.90") + 5 * FORMATS.index(form),
            {},
        )


def invent_word(chance: random.Random) -> str:
    return "".join(chance.choice(SYLLABLES) for _ in range(chance.randrange(2, 4)))


def _gtin(chance: random.Random) -> str:
    digits = f"{chance.randrange(10**11, 10**12)}"
    total = sum(int(sign) * (3, 1)[place % 2] for place, sign in enumerate(reversed(digits)))
    return f"{digits}{-total % 10}"
