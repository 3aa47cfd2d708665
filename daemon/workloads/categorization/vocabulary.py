"""The features a model knows, and products as a sparse matrix of them."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.product import Product

UNKNOWN = -1  # stands for the column of a feature that has none


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

    __slots__ = ("_columns", "bounds", "features", "sources")

    def __init__(self, sources: Sequence[EvidenceSource], features: Sequence[Sequence[str]]) -> None:
        """`features` holds, for each source, its known features in the order of their columns."""
        self.sources = tuple(sources)
        self.features = tuple(feature for known in features for feature in known)
        self.bounds: NDArray[np.int32] = np.cumsum([0, *map(len, features)], dtype=np.int32)
        self._columns = tuple(
            {feature: column for column, feature in enumerate(known, start=first)}
            for first, known in zip(self.bounds.tolist(), features, strict=False)
        )

    def __len__(self) -> int:
        return len(self.features)

    def read(self, products: Sequence[Product]) -> FeatureMatrix:
        """What the sources see in the products, as far as it is known."""
        readers = [(source.features, known.get) for source, known in zip(self.sources, self._columns, strict=True)]
        columns: list[int] = []
        ends = array("q", [0])
        for product in products:
            for features_of, column_of in readers:
                columns += map(column_of, features_of(product), repeat(UNKNOWN))
            ends.append(len(columns))
        return assemble(np.array(columns, dtype=np.int32), np.diff(ends), self.bounds)


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
