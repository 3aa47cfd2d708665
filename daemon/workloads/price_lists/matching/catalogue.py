"""The catalogue as an index: built once, never changed, shared by threads."""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.barcodes import read_barcode
from daemon.workloads.price_lists.matching.facts import CODE, WORD, Fact, Facts, groups, key_of, read_facts
from daemon.workloads.price_lists.matching.makers import maker_words
from daemon.workloads.price_lists.matching.text import compact, fold, one_line, tidy
from daemon.workloads.price_lists.product import CatalogueProduct

_WORD = re.compile(r"\w+")
LONGEST_NAME = 200  # characters of a name that are kept to be compared letter by letter


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What lines or products have, in their order."""

    names: Sequence[str]
    codes: Sequence[str]  # part numbers, compact; "" for none
    part_numbers: Sequence[str]  # as written, for people
    makers: Sequence[tuple[str, ...]]  # the words that tell who it is; () for none
    maker_names: Sequence[str]  # as written
    barcodes: NDArray[np.int64]  # 0 for none
    wordings: NDArray[np.int64]  # the same for names of the same words, in whatever order; 0 for none
    prices: NDArray[np.float64]  # NaN for none


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Lines read with the eyes of a catalogue.

    facts: (lines, facts of the catalogue), the weight of each; negative for what the name does not say.
    unseen: float32 (lines, groups), the weight of what the names say and no product has.
    code_places: (lines,), where among the catalogue's facts the part number is; -1 for nowhere.
    texts: of each line its facts, for the reasons.
    """

    columns: Columns
    facts: sparse.csr_array
    unseen: NDArray[np.float32]
    code_places: NDArray[np.intp]
    texts: Sequence[Facts]


class Catalogue:
    """Products that lines are matched with. Of several with one id the first counts.

    About 1.2 kB for each product of 300,000, 2.2 kB of 22,000; it takes some 70 µs to read one.

    ids: int64 (products,).
    keys: int64 (facts,), sorted: what any product has.
    weights: float32 (facts,), the rarer the greater; that of a fact that no product has is `greatest_weight`.
    counts: int32 (facts,), products that have it. group_of: uint8 (facts,).
    facts: float32 (products, facts), the weight of each; negative for what the name does not say.
    postings: the same turned round, all positive.
    barcode_order, wording_order: (products,), the rows in the order of their barcodes, and of their wordings.
    code_places: (products,), where among the facts the part number is; -1 for none.
    norms: float32 (products,), the length of what the name says, as a vector of weights.
    """

    def __init__(self, products: Iterable[CatalogueProduct]) -> None:
        ids: dict[int, None] = {}
        columns, table = _ColumnsBuilder(), _FactTable()
        for product in products:
            if product.product_id in ids:
                continue
            ids[product.product_id] = None
            facts = read_facts(product.name, product.manufacturer, product.part_number, product.sku, product.attributes)
            table.add(facts)
            columns.add(product.name, product.part_number, product.manufacturer, product.barcode, product.price)
        self.ids = np.fromiter(ids, dtype=np.int64, count=len(ids))
        self.columns = columns.build()
        self.barcode_order = np.argsort(self.columns.barcodes, kind="stable")
        self.wording_order = np.argsort(self.columns.wordings, kind="stable")
        keys, kinds, signs, ends = table.arrays()
        self.keys, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
        self.counts = counts.astype(np.int32)
        self.group_of = np.zeros(len(self.keys), dtype=np.uint8)
        self.group_of[places] = kinds
        self.labels: Mapping[int, str] = table.labels
        self.greatest_weight = float(np.log(len(ids) + 1)) or 1.0
        self.weights = np.log((len(ids) + 1) / self.counts).astype(np.float32)
        shape = (len(ids), len(self.keys))
        self.facts = sparse.csr_array((self.weights[places] * signs, places.astype(np.int32), ends), shape=shape)
        self.facts.sort_indices()
        self.postings = sparse.csr_array(abs(self.facts).T.tocsr())
        said = np.maximum(self.facts.data, 0) ** 2
        rows = np.repeat(np.arange(len(ids)), np.diff(ends))
        self.code_places = self._places_of(self.columns.codes)
        self.norms = np.sqrt(np.bincount(rows, said, len(ids))).astype(np.float32)

    def __len__(self) -> int:
        return len(self.ids)

    def facts_of(self, row: int) -> list[Fact]:
        """What is known of a product but words and codes: numbers, colours, sizes, quantities."""
        places = self.facts.indices[self.facts.indptr[row] : self.facts.indptr[row + 1]]
        return [
            Fact(int(self.group_of[place]), self.labels[key])
            for place in places.tolist()
            if (key := int(self.keys[place])) in self.labels
        ]

    def read(self, lines: Sequence[Line]) -> Reading:
        """Read lines. The time for a line is bounded, whatever it says."""
        columns, table = _ColumnsBuilder(), _FactTable()
        texts = []
        for line in lines:
            facts = read_facts(line.name, line.manufacturer, line.part_number, line.sku, line.characteristics)
            texts.append(facts)
            table.add(facts)
            columns.add(line.name, line.part_number, line.manufacturer, line.barcode, line.price)
        keys, kinds, signs, ends = table.arrays()
        rows = np.repeat(np.arange(len(lines)), np.diff(ends))
        if len(self.keys):
            places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            is_seen = self.keys[places] == keys
        else:
            places, is_seen = np.zeros(len(keys), dtype=np.intp), np.zeros(len(keys), dtype=bool)
        weights = self.weights[places[is_seen]] * signs[is_seen]
        facts_ = sparse.csr_array(
            (weights, (rows[is_seen], places[is_seen])), shape=(len(lines), len(self.keys)), dtype=np.float32
        )
        facts_.sort_indices()
        number = len(groups())
        is_new = ~is_seen & (signs > 0)
        counts = np.bincount(rows[is_new] * number + kinds[is_new], minlength=len(lines) * number)
        unseen = (counts * self.greatest_weight).reshape(len(lines), number).astype(np.float32)
        built = columns.build()
        return Reading(built, facts_, unseen, self._places_of(built.codes), texts)

    def _places_of(self, codes: Sequence[str]) -> NDArray[np.intp]:
        """Where among the facts the codes are; -1 for those that are not, and for ""."""
        if not len(self.keys):
            return np.full(len(codes), -1, dtype=np.intp)
        keys = np.array([key_of(Fact(CODE, code)) if code else 0 for code in codes], dtype=np.int64)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where((self.keys[places] == keys) & (keys != 0), places, -1).astype(np.intp)


class _FactTable:
    """Collects facts as arrays."""

    def __init__(self) -> None:
        self.labels: dict[int, str] = {}
        self._keys = array("q")  # a quarter of what a list of numbers takes
        self._kinds = array("B")
        self._signs = array("b")
        self._ends = array("l", [0])

    def add(self, facts: Facts) -> None:
        for part, sign in ((facts.said, 1), (facts.known, -1)):
            for fact in part:
                key = key_of(fact)
                self._keys.append(key)
                self._kinds.append(fact.group)
                if fact.group not in (WORD, CODE):
                    self.labels[key] = fact.text
            self._signs.extend([sign] * len(part))
        self._ends.append(len(self._keys))

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.int32]]:
        """Keys, groups and signs of all facts; where each row ends."""
        return (
            np.array(self._keys, dtype=np.int64),
            np.array(self._kinds, dtype=np.int64),
            np.array(self._signs, dtype=np.float32),
            np.array(self._ends, dtype=np.int32),
        )


class _ColumnsBuilder:
    """Collects columns. Makers' names are kept once."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._codes: list[str] = []
        self._part_numbers: list[str] = []
        self._makers: list[tuple[str, ...]] = []
        self._maker_names: list[str] = []
        self._known_makers: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._barcodes: list[int] = []
        self._wordings: list[int] = []
        self._prices: list[float] = []

    def add(
        self,
        name: str,
        part_number: str | None,
        manufacturer: str | None,
        barcode: str | None,
        price: Decimal | None,
    ) -> None:
        self._names.append(one_line(name, LONGEST_NAME).lower())
        code = compact(part_number)
        self._codes.append(code)
        self._part_numbers.append(one_line(part_number, 40) if part_number and code else "")
        written = one_line(manufacturer or "", 40)
        maker_name, words = self._known_makers.setdefault(written, (written, maker_words(manufacturer)))
        self._makers.append(words)
        self._maker_names.append(maker_name)
        self._barcodes.append(read_barcode(barcode))
        self._wordings.append(_read_wording(name))
        self._prices.append(_read_price(price))

    def build(self) -> Columns:
        return Columns(
            self._names,
            self._codes,
            self._part_numbers,
            self._makers,
            self._maker_names,
            np.array(self._barcodes, dtype=np.int64),
            np.array(self._wordings, dtype=np.int64),
            np.array(self._prices, dtype=np.float64),
        )


def _read_wording(name: str) -> int:
    """Of this process: a hash of the words, in their order by the alphabet."""
    words = _WORD.findall(fold(tidy(name)))
    return hash(" ".join(sorted(words))) if words else 0


def _read_price(price: Decimal | None) -> float:
    """NaN for none, and for what cannot be a price."""
    value = float(price) if price is not None and price.is_finite() else 0.0
    return value if 1e-6 < value < 1e12 else np.nan
