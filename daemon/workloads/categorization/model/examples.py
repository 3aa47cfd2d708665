"""Labelled products as a matrix of features."""

import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.vocabulary import UNKNOWN, FeatureMatrix, Reader, Vocabulary, assemble
from daemon.workloads.categorization.product import Product

FOLDS = 10
LARGEST_TABLE = 50_000_000  # features times categories (200 MB while learning); the rarest features give way


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What is learned from, without the products themselves.

    categories: the codes found, ascending.
    ids: int64 (products,).
    labels: int32 (products,), positions in `categories`.
    folds: int8 (products,), each in [0, FOLDS), from the product's id alone.
    """

    categories: tuple[str, ...]
    ids: NDArray[np.int64]
    labels: NDArray[np.int32]
    folds: NDArray[np.int8]
    vocabulary: Vocabulary
    features: FeatureMatrix


def read_examples(labelled: Iterable[tuple[Product, str]], sources: Sequence[EvidenceSource]) -> Examples:
    """Read all once; each product is let go as soon as its features are noted."""
    numbers = count()
    known = [defaultdict[str, int](numbers.__next__) for _ in sources]  # feature -> number, by first sight
    readers = [Reader(source, found.__getitem__) for source, found in zip(sources, known, strict=True)]
    codes: dict[str, int] = {}
    ids, seen, labels, folds, ends = array("q"), array("i"), array("i"), array("b"), array("q", [0])
    for product, code in labelled:
        ids.append(product.id)
        labels.append(codes.setdefault(code, len(codes)))
        folds.append(zlib.crc32(str(product.id).encode()) % FOLDS)
        for reader in readers:
            seen.frombytes(reader.read(product))
        ends.append(len(seen))
    categories = tuple(sorted(codes))
    position = np.argsort([codes[code] for code in categories]).astype(np.int32)
    kept, column = _keep_frequent(known, np.array(seen), len(labels), len(categories))
    vocabulary = Vocabulary(sources, kept)
    rows = np.arange(len(labels)).repeat(np.diff(ends))
    return Examples(
        categories=categories,
        ids=np.array(ids),
        labels=position[np.array(labels)],
        folds=np.array(folds),
        vocabulary=vocabulary,
        features=assemble(column[np.array(seen)], rows, len(labels), vocabulary.bounds),
    )


def _keep_frequent(
    known: Sequence[Mapping[str, int]], seen: NDArray[np.int32], products: int, categories: int
) -> tuple[list[list[str]], NDArray[np.int32]]:
    """The features worth learning, by source, and the column of each number: UNKNOWN for the others.

    A feature must be seen once in a shop of few products, three times in one of thousands. Where the table
    would grow too large, the most frequent stay.
    """
    frequency = np.bincount(seen, minlength=sum(map(len, known)))
    is_kept = frequency >= 1 + (products >= 500) + (products >= 2000)
    room = LARGEST_TABLE // max(1, categories)
    is_kept[np.argsort(-frequency, kind="stable")[room:]] = False
    kept = [[feature for feature, number in found.items() if is_kept[number]] for found in known]
    column = np.full(len(frequency), UNKNOWN, dtype=np.int32)
    order = [found[feature] for found, some in zip(known, kept, strict=True) for feature in some]
    column[order] = np.arange(len(order), dtype=np.int32)
    return kept, column
