"""Compares two models by what each got right of the same products. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.intervals import wilson

FEW = 1000  # products that one model alone got right, up to which the test is exact


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models, a and b, on the same products; b is the one in question.

    only_a, only_b: products that one of them alone got right.
    difference: the share that b got right less the share that a did; low and high: its 95 % interval.
    p_value: how often two models equally good would differ that much or more.
    """

    only_a: int
    only_b: int
    difference: float
    low: float
    high: float
    p_value: float


def compare(right_a: Sequence[bool] | NDArray[np.bool_], right_b: Sequence[bool] | NDArray[np.bool_]) -> Comparison:
    """What a and b got right, product by product in the same order. Without any product nothing is known: -1 to 1."""
    a, b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"the same products are needed on both sides, not {a.shape} and {b.shape}")
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    low, high = interval(both, only_a, only_b, neither)
    difference = (only_b - only_a) / len(a) if len(a) else 0.0
    return Comparison(only_a, only_b, difference, low, high, p_value(only_a, only_b))


def p_value(only_a: int, only_b: int) -> float:
    """McNemar's test, two-sided: the exact binomial one for FEW, else the normal one with Edwards' correction.

    McNemar, Note on the sampling error of the difference between correlated proportions, 1947; Edwards, 1948.
    """
    number = only_a + only_b
    if number <= FEW:
        tail = sum(comb(number, k) for k in range(min(only_a, only_b) + 1))
        return min(1.0, tail / (1 << number) * 2)
    deviations = max(0, abs(only_a - only_b) - 1) / sqrt(number)
    return erfc(deviations / sqrt(2))


def interval(both: int, only_a: int, only_b: int, neither: int) -> tuple[float, float]:
    """The 95 % interval of the share of b less the share of a, in [-1, 1].

    Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired data,
    Statistics in Medicine 17 (1998), method 10: Wilson's intervals of the two shares, put together by their
    correlation. Unlike Wald's it is an interval also where the two never differ.
    """
    number = both + only_a + only_b + neither
    if not number:
        return -1.0, 1.0
    share_a, share_b = (both + only_a) / number, (both + only_b) / number
    (low_a, high_a), (low_b, high_b) = wilson(both + only_a, number), wilson(both + only_b, number)
    correlation = _correlation(both, only_a, only_b, neither)
    down, up = share_b - low_b, high_a - share_a
    below = sqrt(max(0.0, down**2 - 2 * correlation * down * up + up**2))
    up, down = high_b - share_b, share_a - low_a
    above = sqrt(max(0.0, up**2 - 2 * correlation * up * down + down**2))
    difference = (only_b - only_a) / number
    return max(-1.0, difference - below), min(1.0, difference + above)


def _correlation(both: int, only_a: int, only_b: int, neither: int) -> float:
    """Of the two being right, with Newcombe's correction for continuity; 0 where one was always or never right."""
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if not margins:
        return 0.0
    excess: float = both * neither - only_a * only_b
    if excess > 0:
        excess = max(0.0, excess - (both + only_a + only_b + neither) / 2)
    return excess / sqrt(margins)
