"""Blocking: the few products of the catalogue that a line is worth comparing with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.price_lists.matching.catalogue import Catalogue, Reading
from daemon.workloads.price_lists.matching.facts import CODE

MOST = 20  # candidates of a line
BUDGET = 17.0  # times the root of the catalogue's size: products that are looked at for a line (2,500 of 22,000)
LARGEST = 40  # budgets: a fact of so many products is looked up if the line has no rarer one
CODE_WEIGHT = 1.5  # a code says more than a word as rare
SHORT_NAME = 3.0  # added to the length of each product, lest those with a single word win


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows of lines and of products, side by side: for each line its candidates, likeliest first."""

    lines: NDArray[np.intp]
    products: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.lines)


def find_candidates(reading: Reading, catalogue: Catalogue, most: int = MOST) -> Pairs:
    """Up to `most` candidates for each line: those that share its rarest facts.

    Rarest first, so many facts of a line are looked up that BUDGET products are seen: common words cost nothing, and
    the time grows with the root of the catalogue's size. A barcode goes before everything, and then a name of the same
    words, however common these are.
    """
    asked = _rarest(reading.facts, catalogue)
    found = asked @ catalogue.postings
    scores = found.data / (SHORT_NAME + catalogue.norms[found.indices])
    lines, products = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    of_barcode = _by_mark(reading.columns.barcodes, catalogue.columns.barcodes, catalogue.barcode_order)
    of_wording = _by_mark(reading.columns.wordings, catalogue.columns.wordings, catalogue.wording_order)
    for row in range(found.shape[0]):
        begin, end = found.indptr[row], found.indptr[row + 1]
        values, places = scores[begin:end], found.indices[begin:end]
        best = np.argpartition(-values, most - 1)[:most] if len(values) > most else np.arange(len(values))
        best = places[best[np.lexsort((places[best], -values[best]))]].astype(np.intp)
        for of_mark in (of_wording, of_barcode):
            if row in of_mark:
                sure = of_mark[row]
                best = np.concatenate((sure, best[~np.isin(best, sure)]))[:most]
        lines.append(np.full(len(best), row, dtype=np.intp))
        products.append(best)
    return Pairs(np.concatenate(lines), np.concatenate(products))


def _rarest(facts: sparse.csr_array, catalogue: Catalogue) -> sparse.csr_array:
    """The rarest facts of each line, as many as BUDGET allows."""
    counts = catalogue.counts[facts.indices].astype(np.int64)
    rows = np.repeat(np.arange(facts.shape[0]), np.diff(facts.indptr))
    order = np.lexsort((counts, rows))
    looked = np.cumsum(counts[order])
    before = np.concatenate(([0], looked))[facts.indptr[:-1]]
    budget = BUDGET * np.sqrt(len(catalogue))
    seen = looked - before[rows[order]]
    is_first = seen == counts[order]
    keep = np.zeros(len(rows), dtype=bool)
    keep[order] = (seen <= budget) | (is_first & (seen <= LARGEST * budget))
    weights = np.abs(facts.data) * np.where(catalogue.group_of[facts.indices] == CODE, CODE_WEIGHT, 1.0) * keep
    asked = sparse.csr_array((weights, facts.indices, facts.indptr), shape=facts.shape, dtype=np.float32, copy=True)
    asked.eliminate_zeros()
    return asked


def _by_mark(
    asked: NDArray[np.int64], marks: NDArray[np.int64], order: NDArray[np.intp]
) -> dict[int, NDArray[np.intp]]:
    """The products that have a line's mark, by the line's row. `order`: of the products, by their marks; 0 is none."""
    in_order = marks[order]
    begin = np.searchsorted(in_order, asked, "left")
    end = np.searchsorted(in_order, asked, "right")
    return {row: order[begin[row] : end[row]][:MOST] for row in np.flatnonzero((asked != 0) & (end > begin)).tolist()}
