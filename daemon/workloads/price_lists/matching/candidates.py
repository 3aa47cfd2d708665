"""Blocking: the few products of the catalogue that a line is worth comparing with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.price_lists.matching.catalogue import Catalogue, Slice
from daemon.workloads.price_lists.matching.facts import CODE

BUDGET = 4_000  # postings that are looked at for a line
CODE_WEIGHT = 1.5


def find_candidates(slice_: Slice, catalogue: Catalogue, most: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows of lines and products that are worth comparing: at most `most` for each line, likeliest first."""
    facts = slice_.facts
    data = np.abs(facts.data)
    counts = catalogue.counts[facts.indices].astype(np.int64)
    rows = np.repeat(np.arange(facts.shape[0]), np.diff(facts.indptr))
    order = np.lexsort((counts, rows))
    looked = np.cumsum(counts[order])
    before = np.concatenate(([0], looked))[facts.indptr[:-1]]
    within = looked - before[rows[order]]
    keep = np.zeros(len(data), dtype=bool)
    keep[order] = within <= BUDGET
    asked = sparse.csr_array(
        (np.where(keep, data, 0), facts.indices, facts.indptr), shape=facts.shape
    )
    asked.data *= np.where(catalogue.group_of[facts.indices] == CODE, CODE_WEIGHT, 1.0)
    asked.eliminate_zeros()
    scores = asked @ catalogue.postings
    scores.data /= 3 + catalogue.norms[scores.indices]
    lines, products = [], []
    for row in range(scores.shape[0]):
        start, end = scores.indptr[row], scores.indptr[row + 1]
        values = scores.data[start:end]
        if len(values) > most:
            best = np.argpartition(-values, most)[:most]
        else:
            best = np.arange(len(values))
        best = best[np.lexsort((scores.indices[start + best], -values[best]))]
        lines.append(np.full(len(best), row, dtype=np.int32))
        products.append(scores.indices[start + best].astype(np.int32))
    return np.concatenate(lines), np.concatenate(products)
