"""Which categories a product may belong to, how likely each, and how far that can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.model.additive import Model, Tree
from daemon.workloads.categorization.model.calibration import logit
from daemon.workloads.categorization.model.softmax import log_softmax
from daemon.workloads.categorization.model.vocabulary import FeatureMatrix
from daemon.workloads.categorization.taxonomy import Taxonomy

NEW_CATEGORY = 1e-4  # probability of a category that the model has not learned, before the signals for it


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What a slice of products may be.

    categories: those of the model, in its order, then those that only signals speak of.
    logarithms: float32 (products, categories), of the probabilities; -inf for what is too unlikely to be looked at.
    picked: (products,), the likeliest. probabilities: (products,), of the picked.
    calibrated: (products,), the share of such answers that are right.
    familiarity: (products,), of all that was seen, the share that was seen in the picked category before.
    contributions: float32 (entries,), what each entry of the features adds to the picked category of its row.
    """

    categories: tuple[str, ...]
    logarithms: NDArray[np.float32]
    picked: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    familiarity: NDArray[np.float64]
    contributions: NDArray[np.float32]

    @classmethod
    def of(cls, model: Model, features: FeatureMatrix, signals: Sequence[Signal], taxonomy: Taxonomy) -> Self:
        """Signals for categories that neither the model nor the taxonomy knows are passed over."""
        known = len(model.categories)
        if not signals:
            logarithms = model.weigh(features)
            picked = logarithms.argmax(axis=1)
            probabilities = np.exp(logarithms[np.arange(len(picked)), picked].astype(np.float64))
            return cls(
                model.categories, logarithms, picked, probabilities, *_believe(model, features, picked, probabilities)
            )
        new = sorted({signal.category_code for signal in signals if signal.category_code in taxonomy})
        categories = (*model.categories, *(code for code in new if code not in model.position_of))
        position_of = {code: position for position, code in enumerate(categories)}
        heard = [signal for signal in signals if signal.category_code in position_of]
        rows = np.array([signal.row for signal in heard], dtype=np.intp)
        columns = np.array([position_of[signal.category_code] for signal in heard], dtype=np.intp)
        is_learned = columns < known
        modelled = np.full((len(features.seen), len(categories)), -np.inf, dtype=np.float32)
        modelled[:, :known] = model.weigh(features, _look_into(model, heard, rows[is_learned], columns[is_learned]))
        modelled[rows[~is_learned], columns[~is_learned]] = np.log(NEW_CATEGORY)
        logarithms = modelled.copy()
        np.add.at(logarithms, (rows, columns), [signal.amount for signal in heard])
        logarithms = log_softmax(logarithms)
        every = np.arange(len(logarithms))
        picked = logarithms.argmax(axis=1)
        probabilities, before = (np.exp(found[every, picked].astype(np.float64)) for found in (logarithms, modelled))
        believed = _believe(model, features, picked, before, logit(probabilities) - logit(before))
        return cls(categories, logarithms, picked, probabilities, *believed)

    def sure_branch(self, tree: Tree, row: int, least: float) -> str | None:
        """The name of the picked category's branch, if that has several categories and is at least so probable."""
        picked = int(self.picked[row])
        if picked >= len(tree.categories):
            return None
        branch = int(tree.branch_of[picked])
        first, last = tree.starts[branch : branch + 2].tolist()
        probability = float(np.exp(self.logarithms[row, first:last].astype(np.float64)).sum())
        return tree.branches[branch] if last - first > 1 and probability >= least else None

    def runners_up(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The second likeliest of each row, and its probability; the picked one again where there is no other."""
        if len(self.categories) < 2:
            return self.picked, np.zeros(len(self.picked))
        others = self.logarithms.copy()
        every = np.arange(len(others))
        others[every, self.picked] = -np.inf
        second = others.argmax(axis=1)
        return second, np.exp(others[every, second].astype(np.float64))


def _look_into(
    model: Model, signals: Sequence[Signal], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and categories whose branches count whatever their probability: what signals speak of.

    And every branch, where a signal speaks against what is likely: something else must be able to win.
    """
    refused = np.unique([signal.row for signal in signals if signal.amount < 0]).astype(np.intp)
    firsts = model.tree.starts[:-1].astype(np.intp)
    return (
        np.concatenate([rows, refused.repeat(len(firsts))]),
        np.concatenate([columns, np.tile(firsts, len(refused))]),
    )


def _believe(
    model: Model,
    features: FeatureMatrix,
    picked: NDArray[np.intp],
    probabilities: NDArray[np.float64],
    beyond: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """The calibrated probability, the familiarity and the contributions of the picked.

    The calibration is about what the model says by itself; `beyond` are the log-odds that signals added to that.
    """
    is_learned = picked < len(model.categories)
    if not model.categories:
        calibrated, familiarity = np.minimum(probabilities, model.calibration.ceiling), np.zeros(len(picked))
        contributions = np.zeros(0, dtype=np.float32)
    else:
        of_model = np.where(is_learned, picked, 0)
        contributions, is_familiar = model.look_up(features, of_model)
        contributions *= is_learned[features.rows]
        signs = model.signs(features, of_model, probabilities, is_familiar)
        calibrated = np.where(is_learned, model.calibration.apply(signs), np.minimum(probabilities, NEW_CATEGORY))
        shares = (signs.familiarity * features.seen).sum(axis=1) / np.maximum(features.seen.sum(axis=1), 1)
        familiarity = np.where(is_learned, shares, 0.0)
    if beyond is not None:
        calibrated = 1 / (1 + np.exp(-(logit(calibrated) + beyond)))
    return calibrated, familiarity, contributions
