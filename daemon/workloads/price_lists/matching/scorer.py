"""The score of a pair: an additive logistic model with shipped weights, which people's reviews teach."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.price_lists.matching.features import COLUMN, FEATURES, LEAD, NAMES

FORMAT = 1
MOST_LEAD = 3.0  # log-odds; a greater lead says no more
HOLD = 3.0  # with how many reviews' force a weight is held where it was
MOST_REVIEWS = 20_000  # the latest are learned from
_SIGNS = np.array([feature.sign for feature in FEATURES], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a person decided on a candidate: the features kept with it, by name; those not named are 0."""

    features: Mapping[str, float]
    is_same: bool


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """Log-odds that a pair is the same: offset + values @ weights. Pure; shared by threads.

    weights: float64 (features,), each with the sign of its feature or 0.
    reviews: number of people's decisions that it has learned from.
    """

    weights: NDArray[np.float64]
    offset: float
    reviews: int = 0

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

        Logistic regression in which each weight is held to what it was by a spring as strong as HOLD reviews (a normal
        prior about the shipped weights): few reviews change little, and what no review speaks of stays. Signs are kept:
        no review makes an equal barcode speak against. Names that are no features any more, and values that are no
        numbers, are passed over.
        """
        from scipy import optimize  # a quarter of a second that only teaching has to pay

        latest = reviews[-MOST_REVIEWS:]
        if not latest:
            return self
        values = np.array([_read_values(review.features) for review in latest])
        side = np.array([1.0 if review.is_same else -1.0 for review in latest])
        start = np.concatenate(([self.offset], self.weights))

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            agreement = side * (values @ parameters[1:] + parameters[0])
            moved = parameters - start
            slope = -side * np.exp(-np.logaddexp(0, agreement))
            gradient = np.concatenate(([slope.sum()], values.T @ slope)) + HOLD * moved
            return float(np.logaddexp(0, -agreement).sum() + HOLD / 2 * moved @ moved), gradient

        bounds = [(None, None), *((0, None) if sign > 0 else (None, 0) for sign in _SIGNS)]
        best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return replace(self, weights=best[1:], offset=float(best[0]), reviews=self.reviews + len(latest))

    def to_bytes(self) -> bytes:
        """JSON in UTF-8, for from_bytes."""
        weights = dict(zip(NAMES, self.weights.tolist(), strict=True))
        content = {"format": FORMAT, "offset": self.offset, "reviews": self.reviews, "weights": weights}
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Raises ValueError for anything but what to_bytes of this version gives."""
        try:
            read = json.loads(content)
            if not isinstance(read, dict) or read["format"] != FORMAT or set(read["weights"]) != set(NAMES):
                raise ValueError("another version's")
            weights = np.array([float(read["weights"][name]) for name in NAMES])
            offset, reviews = float(read["offset"]), int(read["reviews"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"these are no weights of a scorer: {error}") from error
        if not np.isfinite([offset, *weights]).all() or (weights * _SIGNS < 0).any():
            raise ValueError("these are no weights of a scorer: a weight has the wrong sign, or is no number")
        return cls(weights, offset, reviews)


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
            values[column] = np.clip(value, -MOST_LEAD if column == LEAD else 0, 4)
    return values
