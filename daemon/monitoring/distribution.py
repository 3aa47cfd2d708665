"""How often a measured value was how large: what a histogram shows."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Counted:
    """A distribution at one moment."""

    at_most: Sequence[tuple[float, int]]  # a bound, and how many values are not above it; the last bound is infinity
    total: float  # of all values

    @property
    def number(self) -> int:
        return self.at_most[-1][1]


class Distribution:
    """Counts values between bounds. Not for several threads at once."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """In rising order; what is above the last is counted, too."""
        self._bounds = (*bounds, float("inf"))
        self._counts = [0] * len(self._bounds)
        self._total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def count(self) -> Counted:
        return Counted(list(zip(self._bounds, accumulate(self._counts), strict=True)), self._total)
