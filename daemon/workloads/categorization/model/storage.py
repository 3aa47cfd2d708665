"""Models as bytes: safe to load, and the same for equal models."""

import hashlib
import io
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.additive import Leaves, Model, Tree, row_of_each
from daemon.workloads.categorization.model.calibration import Calibration
from daemon.workloads.categorization.model.vocabulary import Vocabulary

FORMAT = 2  # of the bytes, and of the features they name; raised when either changes
_MAGIC = b"catalogd model %d\n" % FORMAT
_DIGEST_SIZE = hashlib.sha256().digest_size


def to_bytes(model: Model) -> bytes:
    """The model as bytes for `from_bytes`; equal models give equal bytes."""
    vocabulary, tree, leaves = model.vocabulary, model.tree, model.leaves
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        categories=_pack(tree.categories),
        branches=_pack(tree.branches),
        branch_of=tree.branch_of,
        branch_prior=model.branch_prior,
        category_prior=model.category_prior,
        support=model.support,
        sources=_pack([source.name for source in vocabulary.sources]),
        bounds=vocabulary.bounds,
        features=_pack(vocabulary.features),
        branch_weights=model.branch_weights.astype(np.float16),
        leaf_columns=np.concatenate(
            [np.zeros(0, np.int32), *(np.flatnonzero(rows < rows_of - 1) for rows, rows_of in _tables(leaves))]
        ).astype(np.int32),
        leaf_sizes=leaves.sizes,
        leaf_weights=leaves.weights.astype(np.float16),
        leaf_seen=np.packbits(leaves.seen),
        calibration=np.array([model.calibration.offset, model.calibration.ceiling]),
        calibration_weights=model.calibration.weights,
        calibration_usual=model.calibration.usual,
    )
    content = buffer.getvalue()
    return _MAGIC + hashlib.sha256(content).digest() + content


def from_bytes(content: bytes, sources: Sequence[EvidenceSource] = SOURCES) -> Model:
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
    features = _unpack(arrays["features"])
    vocabulary = Vocabulary(
        [by_name[name] for name in names],
        [features[first:last] for first, last in pairwise(arrays["bounds"].tolist())],
    )
    sizes, weights = arrays["leaf_sizes"], arrays["leaf_weights"].astype(np.float32)
    ends = np.cumsum(sizes - 1)
    columns = np.split(arrays["leaf_columns"], ends[:-1]) if len(sizes) else []
    offset, ceiling = arrays["calibration"].tolist()
    return Model(
        tree=Tree.of(_unpack(arrays["categories"]), _unpack(arrays["branches"]), arrays["branch_of"]),
        vocabulary=vocabulary,
        branch_prior=arrays["branch_prior"],
        category_prior=arrays["category_prior"],
        support=arrays["support"],
        branch_weights=arrays["branch_weights"].astype(np.float32),
        leaves=Leaves(
            rows=row_of_each(columns, len(vocabulary)),
            sizes=sizes,
            weights=weights,
            seen=np.unpackbits(arrays["leaf_seen"], count=len(weights)).astype(np.bool_),
        ),
        calibration=Calibration(arrays["calibration_weights"], arrays["calibration_usual"], offset, ceiling),
    )


def _tables(leaves: Leaves) -> Sequence[tuple[NDArray[np.int32], int]]:
    return list(zip(leaves.rows, leaves.sizes.tolist(), strict=True))


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
