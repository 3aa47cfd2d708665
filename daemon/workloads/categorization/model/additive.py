"""What has been learned about the categories of a shop."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.calibration import Calibration
from daemon.workloads.categorization.model.vocabulary import FeatureMatrix, Vocabulary
from daemon.workloads.categorization.taxonomy import Taxonomy

FORMAT = 1  # of the bytes, and of the features they name; raised when either changes
_MAGIC = b"catalogd model %d\n" % FORMAT
_DIGEST_SIZE = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """An additive model: the score of a category is its prior plus the contributions of the features seen.

    categories: the codes known, ascending.
    prior: float32 (categories,), the score of each category before anything is seen.
    weights: float32 CSR (features, categories), columns ascending in each row. Each row sums to about 0, so
        a weight says how much more the feature speaks for the category than for the average one.
    """

    categories: tuple[str, ...]
    prior: NDArray[np.float32]
    vocabulary: Vocabulary
    weights: sparse.csr_array
    calibration: Calibration

    @classmethod
    def untaught(cls, taxonomy: Taxonomy) -> Self:
        """A model that knows the categories and nothing about them."""
        codes = tuple(sorted(category.code for category in taxonomy))
        return cls(
            categories=codes,
            prior=np.zeros(len(codes), dtype=np.float32),
            vocabulary=Vocabulary((), ()),
            weights=sparse.csr_array(np.zeros((0, len(codes)), dtype=np.float32)),
            calibration=Calibration(),
        )

    def narrow(self, features: FeatureMatrix) -> "NarrowModel":
        """The model as far as these products need it."""
        columns = features.matrix.indices
        entries = np.arange(len(columns), dtype=np.int32)
        place = np.empty(len(self.vocabulary), dtype=np.int32)
        place[columns] = entries  # of the entries of a column one stays, whichever
        seen = columns[place[columns] == entries]
        place[seen] = np.arange(len(seen), dtype=np.int32)
        return NarrowModel(features, place[columns], self.weights[seen].toarray(), self.prior)

    def to_bytes(self) -> bytes:
        """The model as bytes for `from_bytes`; equal models give equal bytes."""
        vocabulary = self.vocabulary
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            allow_pickle=False,
            categories=_pack(self.categories),
            prior=self.prior,
            sources=_pack([source.name for source in vocabulary.sources]),
            bounds=vocabulary.bounds,
            features=_pack(vocabulary.features),
            weights=self.weights.data,
            weight_columns=self.weights.indices,
            weight_starts=self.weights.indptr,
            calibration=np.array(astuple(self.calibration)),
        )
        content = buffer.getvalue()
        return _MAGIC + hashlib.sha256(content).digest() + content

    @classmethod
    def from_bytes(cls, content: bytes, sources: Sequence[EvidenceSource] = SOURCES) -> Self:
        """The model that `to_bytes` wrote. ValueError if these are no such bytes, or not of this FORMAT.

        `sources` are those the model may have learned from, found by name.
        """
        start = len(_MAGIC) + _DIGEST_SIZE
        if content[: len(_MAGIC)] != _MAGIC:
            raise ValueError(f"not a model of format {FORMAT}: learn it again")
        if hashlib.sha256(content[start:]).digest() != content[len(_MAGIC) : start]:
            raise ValueError("the model is damaged: its checksum does not match")
        with np.load(io.BytesIO(content[start:]), allow_pickle=False) as stored:
            arrays = dict(stored)
        by_name = {source.name: source for source in sources}
        names = _unpack(arrays["sources"])
        if missing := sorted(set(names) - by_name.keys()):
            raise ValueError(f"the model learned from sources that are not here: {', '.join(missing)}")
        categories = _unpack(arrays["categories"])
        features = _unpack(arrays["features"])
        bounds = arrays["bounds"]
        vocabulary = Vocabulary(
            [by_name[name] for name in names],
            [features[first:last] for first, last in pairwise(bounds.tolist())],
        )
        return cls(
            categories=categories,
            prior=arrays["prior"],
            vocabulary=vocabulary,
            weights=sparse.csr_array(
                (arrays["weights"], arrays["weight_columns"], arrays["weight_starts"]),
                shape=(len(vocabulary), len(categories)),
            ),
            calibration=Calibration(*arrays["calibration"].tolist()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class NarrowModel:
    """A model as far as some products need it; dense, which is quicker than sparse by a quarter.

    weights: float32 (features seen, categories). places: the row of `weights` for each entry of the features.
    """

    features: FeatureMatrix
    places: NDArray[np.int32]
    weights: NDArray[np.float32]
    prior: NDArray[np.float32]

    def score(self) -> NDArray[np.float32]:
        """The score of each category for each product: float32 (products, categories)."""
        entries = self.features.matrix
        shape = (entries.shape[0], len(self.weights))
        scores: NDArray[np.float32] = (
            sparse.csr_array((entries.data, self.places, entries.indptr), shape) @ self.weights
        )
        scores += self.prior
        return scores

    def contributions(self, picked: NDArray[np.intp]) -> NDArray[np.float32]:
        """How much each entry of the features adds to the score of the category picked for its row.

        `picked` holds a position in `categories` for each row. Returns float32 (entries,).
        """
        weights: NDArray[np.float32] = self.weights[self.places, picked[self.features.rows]]
        return self.features.matrix.data * weights


def _pack(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts as UTF-8 after the length of each (little-endian uint32, and their number first).

    NumPy's own text arrays give every text the room of the longest, and drop trailing NULs.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.array([len(encoded), *map(len, encoded)], dtype="<u4")
    return np.frombuffer(lengths.tobytes() + b"".join(encoded), dtype=np.uint8)


def _unpack(packed: NDArray[np.uint8]) -> tuple[str, ...]:
    """The texts that `_pack` packed."""
    content = packed.tobytes()
    (number,) = np.frombuffer(content, dtype="<u4", count=1)
    lengths = np.frombuffer(content, dtype="<u4", count=int(number), offset=4)
    ends = 4 + 4 * int(number) + np.cumsum(lengths, dtype=np.int64)
    return tuple(
        content[end - length : end].decode("utf-8", "surrogatepass")
        for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
    )
