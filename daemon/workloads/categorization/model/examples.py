"""Labelled products as a matrix of features."""

import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.additive import Tree
from daemon.workloads.categorization.model.vocabulary import FeatureMatrix, Reader, Vocabulary, assemble, unknown
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Taxonomy

FOLDS = 10
LARGEST_TABLE = 30_000_000  # numbers that a model holds (120 MB); the rarest features give way


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What is learned from, without the products themselves.

    ids: int64 (products,).
    labels: int32 (products,), positions in the tree's categories.
    folds: int8 (products,), each in [0, FOLDS), from the product's id alone.
    fields: intp (sources,), the number of the field that each source reads.
    """

    tree: Tree
    ids: NDArray[np.int64]
    labels: NDArray[np.int32]
    folds: NDArray[np.int8]
    vocabulary: Vocabulary
    features: FeatureMatrix
    fields: NDArray[np.intp]


def read_examples(
    labelled: Iterable[tuple[Product, str]], sources: Sequence[EvidenceSource], taxonomy: Taxonomy
) -> Examples:
    """Read all once; each product is let go as soon as its features are noted."""
    numbers = count()
    known = [defaultdict[str, int](numbers.__next__) for _ in sources]  # feature -> number, by first sight
    readers = [Reader(source, partial(map, found.__getitem__)) for source, found in zip(sources, known, strict=True)]
    codes: dict[str, int] = {}
    ids, seen, labels, folds, ends = array("q"), array("i"), array("i"), array("b"), array("q", [0])
    for product, code in labelled:
        ids.append(product.id)
        labels.append(codes.setdefault(code, len(codes)))
        folds.append(zlib.crc32(str(product.id).encode()) % FOLDS)
        reading = Reading(product)
        for reader in readers:
            seen.frombytes(reader.read(reading))
        ends.append(len(seen))
    tree = Tree.grow(tuple(codes), taxonomy)
    position = np.argsort([codes[code] for code in tree.categories]).astype(np.int32)
    positions = position[np.array(labels)] if len(labels) else np.zeros(0, dtype=np.int32)
    rows = np.arange(len(labels), dtype=np.int32).repeat(np.diff(ends))
    kept, column = _keep_frequent(known, np.array(seen), tree.branch_of[positions][rows], len(labels), tree)
    vocabulary = Vocabulary(sources, kept)
    names = [source.field for source in sources]
    return Examples(
        tree=tree,
        ids=np.array(ids),
        labels=positions,
        folds=np.array(folds),
        vocabulary=vocabulary,
        features=assemble(column[np.array(seen)], rows, len(labels), vocabulary.bounds, vocabulary.lengths),
        fields=np.array([names.index(name) for name in names], dtype=np.intp),
    )


def least_frequency(products: int) -> int:
    """In how many products a feature must be seen to be worth learning: 1 in a small shop, else 2."""
    return 1 + (products >= 500)


def _keep_frequent(
    known: Sequence[Mapping[str, int]],
    seen: NDArray[np.int32],
    branches: NDArray[np.int32],
    products: int,
    tree: Tree,
) -> tuple[list[list[str]], NDArray[np.int32]]:
    """The features worth learning, by source, and the column of each number, or that it is unknown.

    `branches` are those of the products where the features were seen. What a feature costs are two numbers for each
    branch and one for each category of the branches it was seen in; where that grows too large, the most frequent stay.
    """
    size = sum(map(len, known))
    frequency = np.bincount(seen, minlength=size)
    is_small = size * len(tree.branches) <= np.iinfo(np.int32).max
    wide: NDArray[np.signedinteger[Any]] = seen if is_small else seen.astype(np.int64)
    pairs = np.unique(wide * len(tree.branches) + branches)
    widths = np.diff(tree.starts)[pairs % max(1, len(tree.branches))]
    costs = np.bincount(pairs // max(1, len(tree.branches)), weights=widths, minlength=size) + 2 * len(tree.branches)
    is_kept = frequency >= least_frequency(products)
    by_frequency = np.argsort(-frequency, kind="stable")
    is_kept[by_frequency[np.cumsum(np.where(is_kept, costs, 0)[by_frequency]) > LARGEST_TABLE]] = False
    kept = [[feature for feature, number in found.items() if is_kept[number]] for found in known]
    column = np.empty(size, dtype=np.int32)
    for position, found in enumerate(known):
        column[list(found.values())] = unknown(position)
    order = [found[feature] for found, some in zip(known, kept, strict=True) for feature in some]
    column[order] = np.arange(len(order), dtype=np.int32)
    return kept, column
