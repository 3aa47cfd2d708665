"""The features a model knows, and products as a sparse matrix of them."""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.evidence.source import EvidenceSource, Token
from daemon.workloads.categorization.product import Product

UNKNOWN = -1  # stands for the column of a feature that has none
REMEMBERED = 16_384  # tokens of each source, with the numbers of their features


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMatrix:
    """Products by features.

    matrix: float32 CSR (products, features), columns ascending in each row.
    rows, sources: the row and the source (by position) of each stored entry.
    number_of_sources: how many there are, seen or not.
    """

    matrix: sparse.csr_array
    rows: NDArray[np.int64]
    sources: NDArray[np.intp]
    number_of_sources: int


class Vocabulary:
    """One column for each known feature; those of a source stand together, in the order of the sources.

    bounds: int32 (sources + 1,), where the columns of each source begin, and their number.
    """

    __slots__ = ("_readers", "bounds", "features", "sources")

    def __init__(self, sources: Sequence[EvidenceSource], features: Sequence[Sequence[str]]) -> None:
        """`features` holds, for each source, its known features in the order of their columns."""
        self.sources = tuple(sources)
        self.features = tuple(feature for known in features for feature in known)
        self.bounds: NDArray[np.int32] = np.cumsum([0, *map(len, features)], dtype=np.int32)
        self._readers = [
            reader(source, partial(_find, {feature: column for column, feature in enumerate(known, start=first)}))
            for source, known, first in zip(self.sources, features, self.bounds.tolist(), strict=False)
        ]

    def __len__(self) -> int:
        return len(self.features)

    def read(self, products: Sequence[Product]) -> FeatureMatrix:
        """What the sources see in the products, as far as it is known."""
        columns: list[int] = []
        ends = array("q", [0])
        for product in products:
            for read in self._readers:
                columns += read(product)
            ends.append(len(columns))
        return assemble(np.array(columns, dtype=np.int32), np.diff(ends), self.bounds)


def _find(columns: Mapping[str, int], feature: str) -> int:
    return columns.get(feature, UNKNOWN)


def reader(source: EvidenceSource, number_of: Callable[[str], int]) -> Callable[[Product], Iterator[int]]:
    """What the source sees in a product, as the numbers that `number_of` gives to features."""

    @lru_cache(maxsize=REMEMBERED)
    def numbers_of(token: Token) -> tuple[int, ...]:
        return tuple(map(number_of, source.features(token)))

    return lambda product: chain.from_iterable(map(numbers_of, source.tokens(product)))


def assemble(columns: NDArray[np.int32], counts: NDArray[np.int64], bounds: NDArray[np.int32]) -> FeatureMatrix:
    """The matrix from the columns seen, product by product; `counts` says how many in each.

    UNKNOWN columns are left out, and repeated ones count once. The features of one source in one product have
    the length 1 together (k of them 1/sqrt(k) each): a long description says no more than a short one.
    """
    products, width, sources = len(counts), int(bounds[-1]), len(bounds) - 1
    places = np.repeat(np.arange(products, dtype=np.int64), counts) * width + columns
    places = places[columns != UNKNOWN]
    places.sort()
    places = places[np.diff(places, prepend=-1) != 0]
    rows: NDArray[np.int64] = places // max(1, width)
    kept: NDArray[np.int64] = places - rows * width
    source = np.searchsorted(bounds, kept, side="right") - 1
    group = rows * sources + source
    sizes = np.bincount(group, minlength=products * sources)
    values = (1 / np.sqrt(np.maximum(sizes, 1))).astype(np.float32)[group]
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=products))))
    matrix = sparse.csr_array((values, kept.astype(np.int32), starts.astype(np.int32)), shape=(products, width))
    return FeatureMatrix(matrix, rows, source, sources)
