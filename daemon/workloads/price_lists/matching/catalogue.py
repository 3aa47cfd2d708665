"""The catalogue as an index: built once, never changed, shared by threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.barcodes import read_barcode
from daemon.workloads.price_lists.matching.facts import CODE, Facts, Keys, groups, read_facts
from daemon.workloads.price_lists.matching.makers import maker_words
from daemon.workloads.price_lists.matching.text import compact, one_line
from daemon.workloads.price_lists.product import CatalogueProduct


@dataclass(frozen=True, slots=True)
class Described:
    """Columns of lines or products, in their order."""

    names: list[str]
    part_numbers: list[str]  # compact; "" where there is none
    makers: list[tuple[str, ...]]
    barcodes: NDArray[np.int64]
    prices: NDArray[np.float64]  # NaN where there is none


class Catalogue:
    """Products that lines are matched with. Of several with one id the first counts.

    keys: int64 (facts,), sorted, of the facts that any product has. weights: float32 (facts,), the rarer the greater.
    group_of: uint8 (facts,).
    facts: (products, facts), the weight of each fact a product has, negative where its name does not say it.
    """

    def __init__(self, products: Iterable[CatalogueProduct]) -> None:
        keys, texts = Keys(), _Columns()
        ids: list[int] = []
        found: list[int] = []
        signs: list[int] = []
        kinds: list[int] = []
        ends: list[int] = []
        seen: set[int] = set()
        for product in products:
            if product.product_id in seen:
                continue
            seen.add(product.product_id)
            ids.append(product.product_id)
            facts = read_facts(
                product.name, product.manufacturer, product.part_number, product.sku, product.attributes
            )
            for fact in facts.said:
                found.append(keys.of(fact))
                kinds.append(fact.group)
            signs += [1] * len(facts.said)
            for fact in facts.known:
                found.append(keys.of(fact))
                kinds.append(fact.group)
            signs += [-1] * len(facts.known)
            ends.append(len(found))
            texts.add(product.name, product.part_number, product.manufacturer, product.barcode, product.price)
        self.ids = np.array(ids, dtype=np.int64)
        self.described = texts.done()
        self.keys, places, counts = np.unique(
            np.array(found, dtype=np.int64), return_inverse=True, return_counts=True
        )
        self.group_of = np.zeros(len(self.keys), dtype=np.uint8)
        self.group_of[places] = np.array(kinds, dtype=np.uint8)
        self.unseen_weight = float(np.log1p(len(ids)))
        self.counts = counts.astype(np.int32)
        self.weights = np.log((len(ids) + 1) / counts).astype(np.float32)
        data = self.weights[places] * np.array(signs, dtype=np.float32)
        shape = (len(ids), len(self.keys))
        self.facts = sparse.csr_array((data, places.astype(np.int32), np.array([0, *ends], dtype=np.int32)), shape=shape)
        self.facts.sort_indices()
        squares = self.facts.copy()
        squares.data = squares.data**2 * (squares.data > 0)
        self.norms = np.sqrt(squares.sum(axis=1)).astype(np.float32)
        self.postings = sparse.csr_array(abs(self.facts).T.tocsr())

    def __len__(self) -> int:
        return len(self.ids)


class _Columns:
    """Collects the columns."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._part_numbers: list[str] = []
        self._makers: list[tuple[str, ...]] = []
        self._barcodes: list[int] = []
        self._prices: list[float] = []
        self._known_makers: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, name, part_number, manufacturer, barcode, price) -> None:
        self._names.append(one_line(name, 200))
        self._part_numbers.append(compact(part_number))
        words = maker_words(manufacturer)
        self._makers.append(self._known_makers.setdefault(words, words))
        self._barcodes.append(read_barcode(barcode))
        self._prices.append(float(price) if price and price > 0 else np.nan)

    def done(self) -> Described:
        return Described(
            self._names,
            self._part_numbers,
            self._makers,
            np.array(self._barcodes, dtype=np.int64),
            np.array(self._prices, dtype=np.float64),
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """Lines read against a catalogue.

    facts: (lines, facts of the catalogue), weights as in the catalogue.
    unseen: (lines, groups), what the name says that no product has: number of facts times the greatest weight.
    """

    described: Described
    facts: sparse.csr_array
    unseen: NDArray[np.float32]
    norms: NDArray[np.float32]


def read_lines(lines: Sequence[Line], catalogue: Catalogue) -> Slice:
    keys, texts = Keys(), _Columns()
    found: list[int] = []
    signs: list[int] = []
    kinds: list[int] = []
    rows: list[int] = []
    for row, line in enumerate(lines):
        facts = read_facts(line.name, line.manufacturer, line.part_number, line.sku, line.characteristics)
        for fact in facts.said:
            found.append(keys.of(fact))
            kinds.append(fact.group)
        signs += [1] * len(facts.said)
        for fact in facts.known:
            found.append(keys.of(fact))
            kinds.append(fact.group)
        signs += [-1] * len(facts.known)
        rows += [row] * (len(facts.said) + len(facts.known))
        texts.add(line.name, line.part_number, line.manufacturer, line.barcode, line.price)
    key = np.array(found, dtype=np.int64)
    places = np.minimum(np.searchsorted(catalogue.keys, key), len(catalogue.keys) - 1)
    is_seen = catalogue.keys[places] == key
    row = np.array(rows, dtype=np.int32)
    sign = np.array(signs, dtype=np.float32)
    kind = np.array(kinds, dtype=np.int32)
    number = len(groups())
    unseen = np.bincount(
        row[~is_seen & (sign > 0)] * number + kind[~is_seen & (sign > 0)], minlength=len(lines) * number
    ).reshape(len(lines), number) * catalogue.unseen_weight
    data = catalogue.weights[places[is_seen]] * sign[is_seen]
    matrix = sparse.csr_array((data, (row[is_seen], places[is_seen])), shape=(len(lines), len(catalogue.keys)))
    matrix.sort_indices()
    squares = matrix.copy()
    squares.data = squares.data**2 * (squares.data > 0)
    norms = np.sqrt(squares.sum(axis=1) + unseen.sum(axis=1) * catalogue.unseen_weight)
    return Slice(texts.done(), matrix, unseen.astype(np.float32), norms.astype(np.float32))
