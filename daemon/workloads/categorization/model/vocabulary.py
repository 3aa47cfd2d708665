"""The features a model knows, and products as a sparse matrix of them."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.evidence.source import EvidenceSource, Token
from daemon.workloads.categorization.evidence.wording import Wording
from daemon.workloads.categorization.product import Product

UNKNOWN = -1  # stands for the column of a feature that has none
COLUMN = np.dtype(np.intc)  # of the numbers that a Reader gives
REMEMBERED = 32_768  # tokens of each source, with the numbers of their features


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMatrix:
    """Products by features.

    matrix: float32 CSR (products, features), columns ascending in each row.
    rows, sources: the row and the source (by position) of each stored entry.
    number_of_sources: how many there are, seen or not.
    """

    matrix: sparse.csr_array
    rows: NDArray[np.signedinteger[Any]]
    sources: NDArray[np.intp]
    number_of_sources: int


class Vocabulary:
    """One column for each known feature; those of a source stand together, in the order of the sources.

    bounds: int32 (sources + 1,), where the columns of each source begin, and their number.
    """

    __slots__ = ("_readers", "bounds", "features", "sources", "wordings")

    def __init__(self, sources: Sequence[EvidenceSource], features: Sequence[Sequence[str]]) -> None:
        """`features` holds, for each source, its known features in the order of their columns."""
        self.sources = tuple(sources)
        self.features = tuple(feature for known in features for feature in known)
        self.bounds: NDArray[np.int32] = np.cumsum([0, *map(len, features)], dtype=np.int32)
        self._readers = [
            Reader(source, {feature: column for column, feature in enumerate(known, start=first)}.get)
            for source, known, first in zip(self.sources, features, self.bounds.tolist(), strict=False)
        ]

        self.wordings = [Wording(source, self.features) for source in self.sources]

    def __len__(self) -> int:
        return len(self.features)

    def read(self, products: Sequence[Product]) -> FeatureMatrix:
        """What the sources see in the products, as far as it is known."""
        seen = [reader.read(product) for reader in self._readers for product in products]
        counts = np.fromiter(map(len, seen), dtype=np.int64, count=len(seen)) // COLUMN.itemsize
        rows = np.tile(np.arange(len(products)), len(self._readers)).repeat(counts)
        return assemble(np.frombuffer(b"".join(seen), dtype=COLUMN), rows, len(products), self.bounds)


class Reader(dict[Token, bytes]):
    """What one source sees in products, as the numbers that `number_of` gives to features.

    Maps a token to its numbers, int32 one after the other: bytes, since joining them is the quickest way to an array.
    Of the tokens at most REMEMBERED are kept, and then none of them. Threads may share a reader.
    """

    __slots__ = ("_number_of", "_source")

    def __init__(self, source: EvidenceSource, number_of: Callable[[str], int | None]) -> None:
        self._source = source
        self._number_of = number_of

    def read(self, product: Product) -> bytes:
        return b"".join(map(self.__getitem__, self._source.tokens(product)))

    def __missing__(self, token: Token) -> bytes:
        numbers = map(self._number_of, self._source.features(token))
        known = array("i", [number for number in numbers if number is not None]).tobytes()
        if self._source.tokens_recur:
            if len(self) >= REMEMBERED:
                self.clear()
            self[token] = known
        return known


def assemble(
    columns: NDArray[np.int32], rows: NDArray[np.int64], products: int, bounds: NDArray[np.int32]
) -> FeatureMatrix:
    """The matrix from the columns seen, in any order; `rows` says in which product each was.

    UNKNOWN columns are left out, and repeated ones count once. The features of one source in one product have
    the length 1 together (k of them 1/sqrt(k) each): a long description says no more than a short one.
    """
    width, sources = int(bounds[-1]), len(bounds) - 1
    places: NDArray[np.signedinteger[Any]] = rows * width + columns
    if products * width <= np.iinfo(np.int32).max:
        places = places.astype(np.int32)  # quicker to sort
    places = places[columns != UNKNOWN]
    places.sort()
    places = places[np.diff(places, prepend=-1) != 0]
    rows = places // max(1, width)
    kept = places - rows * width
    source = np.searchsorted(bounds, kept, side="right") - 1
    group = rows * sources + source
    sizes = np.bincount(group, minlength=products * sources)
    values = (1 / np.sqrt(np.maximum(sizes, 1))).astype(np.float32)[group]
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=products))))
    matrix = sparse.csr_array((values, kept.astype(np.int32), starts.astype(np.int32)), shape=(products, width))
    return FeatureMatrix(matrix, rows, source, sources)
