"""How far a model's probabilities can be believed, found on products it had not learned from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-6  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps the probability of the best category to the share of such answers that were right.

    sigmoid(slope * logit(p) + offset), never above `ceiling`: Platt scaling (Platt, Probabilistic Outputs for
    Support Vector Machines, 1999), with Laplace's rule of succession as the ceiling: after n products that
    were all right, the next is right with (n + 1) / (n + 2). So a model judged on few is never very sure.
    """

    slope: float = 1.0
    offset: float = 0.0
    ceiling: float = 0.5

    def apply(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """The calibrated probabilities, in the order given; greater ones stay greater or become equal."""
        calibrated = 1 / (1 + np.exp(-(self.slope * logit(probabilities) + self.offset)))
        return np.minimum(calibrated, self.ceiling)

    @classmethod
    def fit(cls, probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> Self:
        """The calibration under which these answers, right or not, are most likely.

        A penalty worth one product holds slope and offset near 1 and 0 where there are few answers.
        """
        from scipy import optimize  # a quarter of a second that only learning has to pay

        logits = logit(probabilities)

        def loss(parameters: NDArray[np.float64]) -> float:
            slope, offset = parameters
            agreement = np.where(right, 1, -1) * (slope * logits + offset)
            return float(np.logaddexp(0, -agreement).sum() + (slope - 1) ** 2 + offset**2)

        best = optimize.minimize(loss, x0=[1.0, 0.0], method="L-BFGS-B", bounds=[(0.1, 10), (-10, 10)])
        slope, offset = best.x.tolist()
        return cls(slope, offset, ceiling=(len(right) + 1) / (len(right) + 2))


def logit(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log-odds, finite for 0 and 1 too."""
    kept = np.clip(probabilities, _EDGE, 1 - _EDGE)
    return np.log(kept / (1 - kept))
