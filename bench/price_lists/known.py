"""A list whose true matches are known, and which further ones count as right."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.makers import compare_makers, maker_words
from daemon.workloads.price_lists.matching.text import compact, fold
from daemon.workloads.price_lists.product import CatalogueProduct

# By what a link counts as right: the truth names it; brand and part number are the same by their columns; the same, but
# the part number or the brand of one stands in the other's name. Or it does not.
Ruling = Literal["truth", "columns", "name", "wrong"]


@dataclass(frozen=True, slots=True)
class Known:
    """truth: of a line's number the id of its product. splits: of a line's number "train" or "test"."""

    products: Sequence[CatalogueProduct]
    all_lines: Sequence[Line]
    splits: Mapping[int, str]
    truth: Mapping[int, int]

    def lines(self, split: str) -> list[Line]:
        return [line for line in self.all_lines if self.splits[line.number] == split]


def read_known(directory: Path) -> Known:
    """From supplier_items.csv.gz, products.csv.gz and truth.csv.gz."""
    products = [
        CatalogueProduct(
            int(row["product_id"]),
            row["name"],
            manufacturer=row["manufacturer"] or None,
            part_number=row["part_number"] or None,
            price=Decimal(row["price"]) if row["price"] else None,
        )
        for row in _rows(directory / "products.csv.gz")
    ]
    lines, splits = [], {}
    for row in _rows(directory / "supplier_items.csv.gz"):
        number = int(row["supplier_item_id"]) + 1
        splits[number] = row["split"]
        lines.append(
            Line(
                number,
                row["name"],
                manufacturer=row["manufacturer"] or None,
                part_number=row["part_number"] or None,
                price=Decimal(row["price"]) if row["price"] else None,
            )
        )
    truth = {int(row["supplier_item_id"]) + 1: int(row["product_id"]) for row in _rows(directory / "truth.csv.gz")}
    return Known(products, lines, splits, truth)


def read_catalogue(path: Path) -> list[CatalogueProduct]:
    """Products of a file that `catalogd import` reads, in its order."""
    return [
        CatalogueProduct(
            number,
            row["name"],
            row["sku"],
            row["manufacturer"] or None,
            row["part_number"] or None,
            attributes={name: str(value) for name, value in json.loads(row.get("attributes") or "{}").items()},
        )
        for number, row in enumerate(_rows(path), 1)
    ]


def rule(line: Line, product: CatalogueProduct, truth: Mapping[int, int]) -> Ruling:
    """Whether a link is right, and by what. See Ruling.

    The truth gives each line one product at most, and leaves out matches that its makers did not find. Brands are the
    same when they are written the same, or one is part of the other ("I-Tec", "I-Tec Electronics").
    """
    if truth.get(line.number) == product.product_id:
        return "truth"
    code, other = compact(line.part_number), compact(product.part_number)
    makers = maker_words(line.manufacturer), maker_words(product.manufacturer)
    is_same_brand = compare_makers(*makers) in ("same", "alike")
    if code and code == other and is_same_brand:
        return "columns"
    is_named = any(
        maker and set(maker) <= set(fold(name).split())
        for maker, name in ((makers[0], product.name), (makers[1], line.name))
    )
    own = code.removeprefix("".join(makers[0])) or code  # "HP CH566A"
    there = {other, *map(compact, product.name.split())} if code else set(map(compact, line.name.split()))
    is_code_there = (own if code else other) in there
    return "name" if (code or other) and is_code_there and (is_same_brand or is_named) else "wrong"


def is_right(line: Line, product: CatalogueProduct) -> bool:
    """Same brand and same part number: right, though the truth may not name it."""
    return rule(line, product, {}) == "columns"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
