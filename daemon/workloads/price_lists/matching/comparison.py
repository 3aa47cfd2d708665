"""What lines and products have in common and what only one of them says, by group of facts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.price_lists.matching.candidates import Pairs
from daemon.workloads.price_lists.matching.catalogue import Catalogue, Reading
from daemon.workloads.price_lists.matching.facts import groups

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Sums of facts' weights for each pair and group, (pairs, groups).

    shared: both have them. only_line, only_product: the name says them, the other side has them nowhere.
    besides: the product has them, in its name or elsewhere, and the line has not.
    """

    shared: Weights
    only_line: Weights
    only_product: Weights
    besides: Weights


def compare_facts(reading: Reading, catalogue: Catalogue, pairs: Pairs) -> Comparison:
    ours, theirs = reading.facts[pairs.lines], catalogue.facts[pairs.products]
    as_ours = _common(theirs, ours)
    as_theirs = _common(ours, theirs)
    shared = _sum(catalogue, as_theirs, np.abs(as_theirs.data))
    line = _sum(catalogue, ours, np.maximum(ours.data, 0)) - _sum(catalogue, as_ours, np.maximum(as_ours.data, 0))
    product = _sum(catalogue, theirs, np.maximum(theirs.data, 0))
    product -= _sum(catalogue, as_theirs, np.maximum(as_theirs.data, 0))
    besides = _sum(catalogue, theirs, np.abs(theirs.data)) - shared
    return Comparison(shared, _clean(line) + reading.unseen[pairs.lines], _clean(product), _clean(besides))


def _common(one: sparse.csr_array, other: sparse.csr_array) -> sparse.csr_array:
    """The values of `other` where both have one."""
    mask = sparse.csr_array((np.ones_like(one.data), one.indices, one.indptr), shape=one.shape)
    return sparse.csr_array(mask.multiply(other))


def _sum(catalogue: Catalogue, matrix: sparse.csr_array, values: NDArray[np.float32]) -> Weights:
    """The values of each row, added up by group."""
    rows, number = matrix.shape[0], len(groups())
    cells = np.repeat(np.arange(rows) * number, np.diff(matrix.indptr)) + catalogue.group_of[matrix.indices]
    return np.bincount(cells, values.astype(np.float64), rows * number).reshape(rows, number).astype(np.float64)


def _clean(weights: Weights) -> Weights:
    """Without the remains of rounding."""
    return np.where(weights < 1e-4, 0.0, weights)
