"""How far a model can be believed, found on products it had not learned from."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-6  # probabilities are kept this far from 0 and 1
STRENGTH = 1.0  # of the penalty that holds the weights near 0 where there are few answers
UNKNOWN_SHARE = 0.05  # of all judged products, those whose true category the model cannot know count as so many


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """What tells whether an answer is right, for each product.

    probabilities: (products,), of the category picked.
    familiarity: (products, sources), in [0, 1]: of what each source saw, the share that was seen in products of that
        category before. 0 where it saw nothing.
    speaks: bool (products, sources), whether the source saw anything.
    support: (products,), the number of products of that category that were learned from.
    """

    probabilities: NDArray[np.float64]
    familiarity: NDArray[np.float64]
    speaks: NDArray[np.bool_]
    support: NDArray[np.int64]

    def columns(self, usual: NDArray[np.float64]) -> NDArray[np.float64]:
        """As one matrix: the log-odds, the familiarity beyond the usual, the support's logarithm.

        A source that saw nothing counts as usual.
        """
        beyond = np.where(self.speaks, self.familiarity - usual, 0.0)
        return np.column_stack([logit(self.probabilities), beyond, np.log1p(self.support)])

    @classmethod
    def of_all(cls, parts: "list[Signs]") -> Self:
        return cls(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.familiarity for part in parts]),
            np.concatenate([part.speaks for part in parts]),
            np.concatenate([part.support for part in parts]),
        )


def _none() -> NDArray[np.float64]:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Maps the signs of an answer to the share of such answers that were right.

    A logistic regression over the signs, never above `ceiling`: Platt scaling (Platt, Probabilistic Outputs for
    Support Vector Machines, 1999) with more to go by than the probability alone. A greater probability and greater
    familiarity never lower it. The ceiling is Laplace's rule of succession: after n products that were all right, the
    next is right with (n + 1) / (n + 2). So a model judged on few is never very sure.

    weights: for each of the signs' columns, added to the log-odds; `offset` too.
    usual: (sources,), the mean familiarity of right answers.
    """

    weights: NDArray[np.float64] = field(default_factory=_none)
    usual: NDArray[np.float64] = field(default_factory=_none)
    offset: float = 0.0
    ceiling: float = 0.5

    def apply(self, signs: Signs) -> NDArray[np.float64]:
        """The calibrated probabilities, in the order given."""
        odds = logit(signs.probabilities)
        if len(self.weights):
            odds = odds + signs.columns(self.usual) @ self.weights + self.offset
        return np.minimum(1 / (1 + np.exp(-odds)), self.ceiling)

    @classmethod
    def fit(cls, signs: Signs, right: NDArray[np.bool_], is_known: NDArray[np.bool_]) -> Self:
        """The calibration under which these answers, right or not, are most likely.

        `is_known` is False for products whose category the model was kept from: whatever it answers is wrong, and it is
        to learn the look of that. They count as UNKNOWN_SHARE of all, however many they are.
        """
        from scipy import optimize  # a quarter of a second that only learning has to pay

        known, unknown = int(is_known.sum()), int((~is_known).sum())
        if not known:
            return cls()
        share = UNKNOWN_SHARE * known / (1 - UNKNOWN_SHARE) / max(1, unknown)
        importance = np.where(is_known, 1.0, min(1.0, share))
        heard = signs.speaks & right[:, None]
        usual = (signs.familiarity * heard).sum(axis=0) / np.maximum(heard.sum(axis=0), 1)
        columns, odds = signs.columns(usual), logit(signs.probabilities)
        middle = np.average(columns, axis=0, weights=importance)
        spread = np.sqrt(np.average((columns - middle) ** 2, axis=0, weights=importance))
        scaled = (columns - middle) / np.where(spread > _EDGE, spread, 1.0)
        sign = np.where(right, 1.0, -1.0)

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            agreement = sign * (odds + parameters[0] + scaled @ parameters[1:])
            total = importance @ np.logaddexp(0, -agreement) + STRENGTH / 2 * parameters @ parameters
            slope = -importance * sign * np.exp(-np.logaddexp(0, agreement))
            return float(total), np.concatenate(([slope.sum()], scaled.T @ slope)) + STRENGTH * parameters

        least_slope = -0.9 * spread[0]  # of the ten parts that the log-odds count, one stays
        bounds = [(None, None), (least_slope, None), *[(0, None)] * len(usual), (None, None)]
        best = optimize.minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds)
        weights = best.x[1:] / np.where(spread > _EDGE, spread, 1.0)
        return cls(weights, usual, float(best.x[0] - weights @ middle), ceiling=(known + 1) / (known + 2))


def logit(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log-odds, finite for 0 and 1 too."""
    kept = np.clip(probabilities, _EDGE, 1 - _EDGE)
    return np.log(kept / (1 - kept))
