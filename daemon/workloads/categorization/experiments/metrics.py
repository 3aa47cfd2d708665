"""How good predictions are, in figures. Pure: arrays in, numbers out; confidences are in [10, 100] as stored."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 15  # of the calibration error, as in Guo et al. 2017
MOST_CONFUSED = 15

Confidences = Sequence[float] | NDArray[np.float64]
Rights = Sequence[bool] | NDArray[np.bool_]


class Bin(NamedTuple):
    """The predictions whose confidence, in percent, is above `low` and up to `high`; shares are in [0, 1]."""

    low: float
    high: float
    products: int
    confidence: float  # their mean, as a share
    right: float


class Point(NamedTuple):
    """What a threshold in percent would give."""

    threshold: float
    coverage: float
    precision: float


class Confusion(NamedTuple):
    """Products of one category that were taken for another."""

    truth: str
    value: str
    products: int
    confidence: float  # their mean, in percent


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one experiment; shares are in [0, 1]. None where there is nothing to take a share of.

    precision: of the products at or above the threshold, the share that is right; coverage: their share of all.
    wrong_above: how many of those are wrong. top3 is None where no alternatives were given.
    """

    products: int
    categories: int
    top1: float | None
    macro_f1: float | None
    top3: float | None
    threshold: float
    coverage: float | None
    precision: float | None
    wrong_above: int
    calibration_error: float | None


def top_one(right: Rights) -> float | None:
    """The share that is right."""
    found = np.asarray(right, dtype=bool)
    return float(found.mean()) if len(found) else None


def top_three(truths: Sequence[str], values: Sequence[str], alternatives: Sequence[Sequence[str]]) -> float | None:
    """The share whose truth is the value or one of the two likeliest alternatives; None without any alternative."""
    if not any(alternatives):
        return None
    pairs = zip(truths, values, alternatives, strict=True)
    return sum(truth in (value, *others[:2]) for truth, value, others in pairs) / len(truths)


def macro_f1(truths: Sequence[str], values: Sequence[str]) -> float | None:
    """The mean over the categories that occur as truth of the F1 of each, which is 0 where none was found.

    A category that is only predicted, never true, has no F1 of its own: it costs those whose products it took.
    (scikit-learn's `f1_score(average="macro", labels=sorted(set(truths)))`; without `labels` such a category
    would count as one of F1 0.)
    """
    found, true, said = Counter[str](), Counter(truths), Counter(values)
    for truth, value in zip(truths, values, strict=True):
        found[truth] += truth == value
    # F1 = 2 PR / (P + R), which is 2 found / (said + true) where anything was found.
    scores = [2 * found[category] / (said[category] + number) for category, number in true.items()]
    return sum(scores) / len(scores) if scores else None


def coverage_and_precision(
    confidences: Confidences, right: Rights, threshold: float
) -> tuple[float | None, float | None]:
    """The share of products at or above the threshold (in percent), and the share of these that is right."""
    is_above = np.asarray(confidences, dtype=np.float64) >= threshold
    if not len(is_above):
        return None, None
    rights = np.asarray(right, dtype=bool)[is_above]
    return float(is_above.mean()), float(rights.mean()) if len(rights) else None


def reliability(confidences: Confidences, right: Rights, bins: int = BINS) -> list[Bin]:
    """Bins of equal width over (0, 100], from the least confidence up; those without products are left out."""
    shares, rights = np.asarray(confidences, dtype=np.float64) / 100, np.asarray(right, dtype=bool)
    places = np.clip(np.ceil(shares * bins - 1e-9).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = np.bincount(places, weights=shares, minlength=bins)
    hits = np.bincount(places, weights=rights, minlength=bins)
    return [
        Bin(100 * at / bins, 100 * (at + 1) / bins, int(counts[at]), sums[at] / counts[at], hits[at] / counts[at])
        for at in np.flatnonzero(counts).tolist()
    ]


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error: the mean distance of confidence and share right, each bin by its products.

    Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equation 3.
    """
    number = sum(each.products for each in bins)
    if not number:
        return None
    return float(sum(each.products * abs(each.right - each.confidence) for each in bins) / number)


def coverage_curve(confidences: Confidences, right: Rights) -> list[Point]:
    """A point for each confidence that occurs, from the highest down: coverage grows, precision may go either way."""
    sure, rights = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=bool)
    order = np.argsort(-sure, kind="stable")
    sure, hits = sure[order], np.cumsum(rights[order])
    ends = np.flatnonzero(np.append(np.diff(sure) != 0, True)) if len(sure) else np.array([], dtype=int)
    return [Point(float(sure[at]), (at + 1) / len(sure), float(hits[at]) / (at + 1)) for at in ends.tolist()]


def most_confused(
    truths: Sequence[str], values: Sequence[str], confidences: Sequence[float], limit: int = MOST_CONFUSED
) -> list[Confusion]:
    """The pairs of categories most often taken one for the other, the most frequent first; ties by their codes."""
    taken = defaultdict[tuple[str, str], list[float]](list)
    for truth, value, confidence in zip(truths, values, confidences, strict=True):
        if truth != value:
            taken[truth, value].append(confidence)
    ranked = sorted(taken.items(), key=lambda each: (-len(each[1]), each[0]))[:limit]
    return [Confusion(*pair, len(sure), sum(sure) / len(sure)) for pair, sure in ranked]
