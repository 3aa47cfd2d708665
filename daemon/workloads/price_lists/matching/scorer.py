"""The score of a pair: an additive logistic model with shipped weights, which people's reviews teach."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.price_lists.matching.features import COLUMN, FEATURES, LEAD, NAMES

MOST_LEAD = 3.0  # log-odds; a greater lead says no more
HOLD = 200.0  # as many reviews would hold the scorer where it was
_GREATER: dict[str, float] = dict.fromkeys(["words_shared", "line_only", "product_only"], 4)
_GREATER |= dict.fromkeys(["quantities_same", "quantities_other", "price_very_far", "lead"], 3)
_GREATER |= dict.fromkeys(["numbers_shared", "price_far"], 2)
_MOST = np.array([_GREATER.get(name, 1) for name in NAMES], dtype=np.float64)  # of each feature; see Features
_SIGNS = np.array([feature.sign for feature in FEATURES], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a person decided on a candidate: the features kept with it, by name; those not named are 0.

    answer: above 0 that it is the thing, below 0 that it is not; 1 or -1 is a whole decision. Candidates that were not
    chosen share one among them.
    """

    features: Mapping[str, float]
    answer: float


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """Log-odds that a pair is the same: offset + values @ weights. Pure; shared by threads.

    weights: float64 (features,), each with the sign of its feature or 0.
    """

    weights: NDArray[np.float64]
    offset: float

    def score(self, values: NDArray[np.float64], lines: NDArray[np.intp]) -> NDArray[np.float64]:
        """The log-odds of pairs, whose column `lead` is filled in: how far each is ahead of its line's best other
        candidate (above 0 for the best one alone), at most MOST_LEAD either way. A product of which nothing is known is
        always among the others. Pairs of a line stand together.
        """
        values[:, LEAD] = 0
        alone = values @ self.weights
        values[:, LEAD] = _leads(alone, lines)
        log_odds: NDArray[np.float64] = alone + values[:, LEAD] * self.weights[LEAD] + self.offset
        return log_odds

    def taught(self, reviews: Sequence[Reviewed]) -> Self:
        """A scorer that has learned from people's decisions, too. The same reviews give the same scorer.

        Logistic regression in which each weight is held to what it was as HOLD reviews with the feature at its greatest
        would hold it (a normal prior about the shipped weights): a review moves no pair's log-odds by more than some
        hundredths, and what no review speaks of stays. The offset and the lead stay, too: only unsure pairs reach
        people, and how many of those are right says nothing of the others. Signs are kept: no review makes an equal
        barcode speak against. Names that are no features any more, and values that are no numbers, are passed over.
        """
        from scipy import optimize  # a quarter of a second that only teaching has to pay

        if not reviews:
            return self
        values = np.array([_read_values(review.features) for review in reviews])
        answers = np.array([review.answer for review in reviews])
        side, force = np.sign(answers), np.abs(answers)
        hold = HOLD * _MOST**2

        def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            agreement = side * (values @ weights + self.offset)
            moved = weights - self.weights
            slope = -force * side * np.exp(-np.logaddexp(0, agreement))
            total = force @ np.logaddexp(0, -agreement) + moved @ (hold * moved) / 2
            return float(total), values.T @ slope + hold * moved

        bounds = [(0, None) if sign > 0 else (None, 0) for sign in _SIGNS]
        bounds[LEAD] = (self.weights[LEAD], self.weights[LEAD])
        best = optimize.minimize(loss, self.weights, jac=True, method="L-BFGS-B", bounds=bounds).x
        return replace(self, weights=best)


@cache
def shipped_scorer() -> Scorer:
    """As learned by bench.price_lists.learning; see ADR 23."""
    content = tomllib.loads((files(__package__) / "weights.toml").read_text(encoding="utf-8"))
    return Scorer(np.array([content["weights"][name] for name in NAMES]), content["offset"])


def as_score(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 to 100, 2 decimals."""
    return np.round(100 / (1 + np.exp(-np.clip(log_odds, -30, 30))), 2)


def _leads(alone: NDArray[np.float64], lines: NDArray[np.intp]) -> NDArray[np.float64]:
    """How far each pair is ahead of the best other of its line, and of nothing."""
    if not len(lines):
        return np.zeros(0)
    starts = np.flatnonzero(np.concatenate(([True], lines[1:] != lines[:-1])))
    of_line = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(lines))))
    best = np.maximum.reduceat(alone, starts)[of_line]
    is_best = alone == best
    rest = np.where(is_best, -np.inf, alone)
    second = np.maximum.reduceat(rest, starts)[of_line]
    tied = np.add.reduceat(is_best, starts)[of_line] > 1
    other = np.maximum(np.where(is_best & ~tied, second, best), 0)
    return np.clip(alone - other, -MOST_LEAD, MOST_LEAD)


def _read_values(features: Mapping[str, float]) -> NDArray[np.float64]:
    values = np.zeros(len(NAMES))
    for name, value in features.items():
        column = COLUMN.get(name)
        if column is not None and np.isfinite(value):
            values[column] = np.clip(value, -MOST_LEAD if column == LEAD else 0, _MOST[column])
    return values
