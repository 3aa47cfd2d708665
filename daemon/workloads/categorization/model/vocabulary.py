"""The features a model knows, and products as a sparse matrix of them."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.source import EvidenceSource, Token
from daemon.workloads.categorization.evidence.wording import Wording
from daemon.workloads.categorization.product import Product

COLUMN = np.dtype(np.intc)  # of the numbers that a Reader gives
REMEMBERED = 32_768  # tokens of each source, with the numbers of their features


def unknown(source: int) -> int:
    """Stands for the column of a feature of this source (by position) that has none; below 0."""
    return -1 - source


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMatrix:
    """Products by features.

    matrix: float32 CSR (products, features), columns ascending in each row.
    rows, sources: the row and the source (by position) of each stored entry.
    seen: int32 (products, sources), how many features were seen, known or not.
    """

    matrix: sparse.csr_array
    rows: NDArray[np.signedinteger[Any]]
    sources: NDArray[np.int8]
    seen: NDArray[np.int32]

    @property
    def number_of_sources(self) -> int:
        return int(self.seen.shape[1])

    def take(self, rows: NDArray[np.intp]) -> "FeatureMatrix":
        """These products only."""
        starts, sizes = self.matrix.indptr[rows], np.diff(self.matrix.indptr)[rows]
        entries = np.arange(sizes.sum()) - (np.cumsum(sizes) - sizes).repeat(sizes) + starts.repeat(sizes)
        return FeatureMatrix(
            self.matrix[rows],
            np.arange(len(rows), dtype=np.int32).repeat(sizes),
            self.sources[entries],
            self.seen[rows],
        )

    def know_only(self, is_known: NDArray[np.bool_], lengths: NDArray[np.float32]) -> "FeatureMatrix":
        """As if only these of the features were known."""
        kept = is_known[self.matrix.indices]
        rows = self.rows[kept]
        columns = self.matrix.indices[kept]
        return _scale(rows, columns, self.sources[kept], self.seen, int(self.matrix.shape[1]), lengths)

    def sum_by_source(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The sums of a value of each entry: (products, sources)."""
        group = self.rows * self.number_of_sources + self.sources
        sums = np.bincount(group, weights=values, minlength=self.seen.size).astype(np.float64)
        return sums.reshape(self.seen.shape[0], self.seen.shape[1])


class Vocabulary:
    """One column for each known feature; those of a source stand together, in the order of the sources.

    bounds: int32 (sources + 1,), where the columns of each source begin, and their number.
    lengths: float32 (sources,), of the features of each source together.
    """

    __slots__ = ("_readers", "bounds", "features", "lengths", "sources", "wordings")

    def __init__(self, sources: Sequence[EvidenceSource], features: Sequence[Sequence[str]]) -> None:
        """`features` holds, for each source, its known features in the order of their columns."""
        self.sources = tuple(sources)
        self.features = tuple(feature for known in features for feature in known)
        self.bounds: NDArray[np.int32] = np.cumsum([0, *map(len, features)], dtype=np.int32)
        self.lengths: NDArray[np.float32] = np.array([source.length for source in sources], dtype=np.float32)
        self._readers = [
            Reader(source, _columns_of(known, first, unknown(position)))
            for position, (source, known, first) in enumerate(
                zip(self.sources, features, self.bounds.tolist(), strict=False)
            )
        ]
        self.wordings = [Wording(source, self.features) for source in self.sources]

    def __len__(self) -> int:
        return len(self.features)

    def read(self, products: Sequence[Product], silent: frozenset[str] = frozenset()) -> FeatureMatrix:
        """What the sources see in the products; those named in `silent` see nothing."""
        readings = [Reading(product) for product in products]
        seen = [
            b"" if source.name in silent else reader.read(reading)
            for source, reader in zip(self.sources, self._readers, strict=True)
            for reading in readings
        ]
        counts = np.fromiter(map(len, seen), dtype=np.int64, count=len(seen)) // COLUMN.itemsize
        rows = np.tile(np.arange(len(products)), len(self._readers)).repeat(counts)
        columns = np.frombuffer(b"".join(seen), dtype=COLUMN)
        return assemble(columns, rows, len(products), self.bounds, self.lengths)


def _columns_of(features: Sequence[str], first: int, otherwise: int) -> Callable[[Sequence[str]], Iterable[int]]:
    """Gives the columns of features of one source; `otherwise` for one that is not known."""
    columns = {feature: column for column, feature in enumerate(features, start=first)}
    return lambda seen: map(columns.get, seen, repeat(otherwise))


class Reader(dict[Token, bytes]):
    """What one source sees in products, as the numbers that `numbers_of` gives to features.

    Maps a token to its numbers, int32 one after the other: bytes, since joining them is the quickest way to an array.
    Of the tokens at most REMEMBERED are kept, and then none of them. Threads may share a reader.
    """

    __slots__ = ("_numbers_of", "_source")

    def __init__(self, source: EvidenceSource, numbers_of: Callable[[Sequence[str]], Iterable[int]]) -> None:
        self._source = source
        self._numbers_of = numbers_of

    def read(self, reading: Reading) -> bytes:
        return b"".join(map(self.__getitem__, self._source.tokens(reading)))

    def __missing__(self, token: Token) -> bytes:
        numbers = array("i", self._numbers_of(self._source.features(token))).tobytes()
        if self._source.tokens_recur:
            if len(self) >= REMEMBERED:
                self.clear()
            self[token] = numbers
        return numbers


def assemble(
    columns: NDArray[np.int32],
    rows: NDArray[np.signedinteger[Any]],
    products: int,
    bounds: NDArray[np.int32],
    lengths: NDArray[np.float32],
) -> FeatureMatrix:
    """The matrix from the columns seen, in any order; `rows` says in which product each was.

    Unknown columns are counted and left out; repeated ones count once.
    """
    width, sources = int(bounds[-1]), len(lengths)
    is_unknown = columns < 0
    group = rows[is_unknown] * sources + (unknown(0) - columns[is_unknown])
    seen = np.bincount(group, minlength=products * sources).astype(np.int32).reshape(products, sources)
    places: NDArray[np.signedinteger[Any]] = rows.astype(np.int64, copy=False) * width + columns
    if products * width <= np.iinfo(np.int32).max:
        places = places.astype(np.int32)  # quicker to sort
    places = places[~is_unknown]
    places.sort()
    places = places[np.diff(places, prepend=-1) != 0]
    rows = places // max(1, width)
    columns = (places - rows * width).astype(np.int32)
    rows = rows.astype(np.int32)
    source = (np.searchsorted(bounds, columns, side="right") - 1).astype(np.int8)
    known = np.bincount(rows * sources + source, minlength=products * sources)
    return _scale(rows, columns, source, seen + known.astype(np.int32).reshape(seen.shape), width, lengths)


def _scale(
    rows: NDArray[np.signedinteger[Any]],
    columns: NDArray[np.int32],
    sources: NDArray[np.int8],
    seen: NDArray[np.int32],
    width: int,
    lengths: NDArray[np.float32],
) -> FeatureMatrix:
    """The features of one source in one product have its length together (k of them 1/sqrt(k) of it each).

    So a long description says no more than a short one.
    """
    products, number = seen.shape
    group = rows * number + sources
    sizes = np.bincount(group, minlength=products * number)
    values = (1 / np.sqrt(np.maximum(sizes, 1))).astype(np.float32)[group] * lengths[sources]
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=products))))
    matrix = sparse.csr_array((values, columns, starts.astype(np.int32)), shape=(products, width))
    return FeatureMatrix(matrix, rows, sources, seen)
