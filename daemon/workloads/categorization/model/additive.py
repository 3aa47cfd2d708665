"""What has been learned about the categories of a shop."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.model.calibration import Calibration, Signs
from daemon.workloads.categorization.model.softmax import log_softmax
from daemon.workloads.categorization.model.vocabulary import FeatureMatrix, Vocabulary
from daemon.workloads.categorization.taxonomy import Taxonomy

LEAST_BRANCH = 0.02  # probability below which a branch is not looked into, unless it is the likeliest


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The categories, those of a branch standing together.

    categories: the codes; branches: their names, ascending; within a branch the codes ascend.
    starts: int32 (branches + 1,), where the categories of each branch begin, and their number.
    branch_of: int32 (categories,), the position of each one's branch.
    """

    categories: tuple[str, ...]
    branches: tuple[str, ...]
    starts: NDArray[np.int32]
    branch_of: NDArray[np.int32]

    @classmethod
    def grow(cls, codes: Sequence[str], taxonomy: Taxonomy) -> Self:
        ordered = sorted(zip(taxonomy.branches_of(codes), codes, strict=True))
        branches = sorted({branch for branch, _ in ordered})
        branch_of = np.searchsorted(branches, [branch for branch, _ in ordered]).astype(np.int32)
        return cls.of(tuple(code for _, code in ordered), tuple(branches), branch_of)

    @classmethod
    def of(cls, categories: tuple[str, ...], branches: tuple[str, ...], branch_of: NDArray[np.int32]) -> Self:
        starts = np.searchsorted(branch_of, np.arange(len(branches) + 1)).astype(np.int32)
        return cls(categories, branches, starts, branch_of)


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """What the features say within each branch: a table for each, of the features seen in it by its categories.

    rows: int32 (branches, features), the row of a feature in the table of a branch. The last row of each table is all
        zero, and stands for what was never seen in the branch.
    sizes: int32 (branches,), the rows of each table.
    weights: float32, and seen: bool, the tables one after the other; `seen` says whether a product of that category had
        that feature.
    """

    rows: NDArray[np.int32]
    sizes: NDArray[np.int32]
    weights: NDArray[np.float32]
    seen: NDArray[np.bool_]


def row_of_each(tables: Sequence[NDArray[np.int32]], features: int) -> NDArray[np.int32]:
    """The `rows` of Leaves: int32 (tables, features), from the ascending columns that each table holds."""
    rows = np.empty((len(tables), features), dtype=np.int32)
    for position, columns in enumerate(tables):
        rows[position] = len(columns)
        rows[position, columns] = np.arange(len(columns), dtype=np.int32)
    return rows


class Model:
    """An additive model over a tree of categories.

    The score of a branch is its prior plus the weights of the features seen, and so is the score of a category within
    its branch; a softmax over each makes probabilities of them, and a category's is the product of both. So what a
    feature adds to a category is its weight for the branch plus its weight for the category within it.

    tree: the categories. branch_prior, category_prior: float32, the scores before anything is seen.
    support: int32 (categories,), how many products of each were learned from.
    branch_weights: float32 (features, branches).
    """

    def __init__(
        self,
        tree: Tree,
        vocabulary: Vocabulary,
        branch_prior: NDArray[np.float32],
        category_prior: NDArray[np.float32],
        support: NDArray[np.int32],
        branch_weights: NDArray[np.float32],
        leaves: Leaves,
        calibration: Calibration,
    ) -> None:
        self.tree = tree
        self.vocabulary = vocabulary
        self.branch_prior = branch_prior
        self.category_prior = category_prior
        self.support = support
        self.branch_weights = branch_weights
        self.leaves = leaves
        self.calibration = calibration
        self._widths = np.diff(tree.starts)
        areas = leaves.sizes.astype(np.int64) * self._widths
        self._offsets = np.cumsum(areas) - areas
        self._tables = [
            leaves.weights[start : start + area].reshape(size, width)
            for start, area, size, width in zip(
                self._offsets.tolist(), areas.tolist(), leaves.sizes.tolist(), self._widths.tolist(), strict=True
            )
        ]

    @classmethod
    def untaught(cls, taxonomy: Taxonomy) -> Self:
        """A model that knows the categories and nothing about them."""
        tree = Tree.grow(sorted(category.code for category in taxonomy), taxonomy)
        branches, categories = len(tree.branches), len(tree.categories)
        return cls(
            tree=tree,
            vocabulary=Vocabulary((), ()),
            branch_prior=np.zeros(branches, dtype=np.float32),
            category_prior=np.zeros(categories, dtype=np.float32),
            support=np.zeros(categories, dtype=np.int32),
            branch_weights=np.zeros((0, branches), dtype=np.float32),
            leaves=Leaves(
                rows=np.zeros((branches, 0), dtype=np.int32),
                sizes=np.ones(branches, dtype=np.int32),
                weights=np.zeros(categories, dtype=np.float32),
                seen=np.zeros(categories, dtype=np.bool_),
            ),
            calibration=Calibration(),
        )

    @property
    def categories(self) -> tuple[str, ...]:
        return self.tree.categories

    @cached_property
    def position_of(self) -> dict[str, int]:
        """The position of each category by its code."""
        return {code: position for position, code in enumerate(self.categories)}

    def weigh(
        self, features: FeatureMatrix, wanted: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
    ) -> NDArray[np.float32]:
        """The logarithm of the probability of each category for each product: float32 (products, categories).

        -inf in branches that were not looked into, because they are too unlikely. `wanted` are pairs of a row and a
        category whose branch is looked into all the same.
        """
        branches = log_softmax(features.matrix @ self.branch_weights + self.branch_prior)
        is_looked_into = branches >= np.log(np.float32(LEAST_BRANCH))
        is_looked_into[np.arange(len(branches)), branches.argmax(axis=1)] = True
        if wanted is not None:
            is_looked_into[wanted[0], self.tree.branch_of[wanted[1]]] = True
        logarithms = np.full((len(branches), len(self.categories)), -np.inf, dtype=np.float32)
        for branch in np.flatnonzero(is_looked_into.any(axis=0)).tolist():
            rows = np.flatnonzero(is_looked_into[:, branch])
            first, last = self.tree.starts[branch : branch + 2]
            within = log_softmax(self._score_leaves(features, rows, branch))
            logarithms[rows, first:last] = within + branches[rows, branch][:, None]
        return logarithms

    def _score_leaves(self, features: FeatureMatrix, rows: NDArray[np.intp], branch: int) -> NDArray[np.float32]:
        """The scores of the categories of a branch for these rows."""
        first, last = self.tree.starts[branch : branch + 2]
        if last - first == 1:
            return np.zeros((len(rows), 1), dtype=np.float32)
        part = features.matrix[rows]
        places = self.leaves.rows[branch, part.indices]
        shape = (len(rows), int(self.leaves.sizes[branch]))
        scores: NDArray[np.float32] = sparse.csr_array((part.data, places, part.indptr), shape) @ self._tables[branch]
        scores += self.category_prior[first:last]
        return scores

    def look_up(
        self, features: FeatureMatrix, picked: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """How much each entry of the features adds to the category picked for its row, and whether a product of that
        category had it before."""
        columns = features.matrix.indices
        branch = self.tree.branch_of[picked]
        start = self._offsets[branch] + (picked - self.tree.starts[branch])
        branches = branch[features.rows]
        places = self.leaves.rows[branches, columns] * self._widths[branches].astype(np.int64)
        places += start[features.rows]
        weights: NDArray[np.float32] = self.branch_weights[columns, branches]
        weights += self.leaves.weights[places]
        weights *= features.matrix.data
        return weights, self.leaves.seen[places]

    def signs(
        self,
        features: FeatureMatrix,
        picked: NDArray[np.intp],
        probabilities: NDArray[np.float64],
        is_familiar: NDArray[np.bool_],
    ) -> Signs:
        """What tells whether the category picked for each row is right; `is_familiar` is what `look_up` says."""
        familiarity = features.sum_by_source(is_familiar) / np.maximum(features.seen, 1)
        return Signs(probabilities, familiarity, features.seen > 0, self.support[picked].astype(np.int64))

    def novelty(self, features: FeatureMatrix) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """For each product: the share of what was seen that is not known, and whether its manufacturer is not."""
        known = features.sum_by_source(features.matrix.data > 0)
        shares = 1 - known.sum(axis=1) / np.maximum(features.seen.sum(axis=1), 1)
        shares[features.seen.sum(axis=1) == 0] = 0
        makers = [position for position, source in enumerate(self.vocabulary.sources) if source.name == "manufacturer"]
        is_new = ((features.seen > 0) & (known == 0))[:, makers].any(axis=1)
        return shares.round(3), is_new
