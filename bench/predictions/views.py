"""Results looked at as a shop owner would: by level, by threshold, around one confidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from daemon.workloads.categorization.decision import derive_level
from daemon.workloads.categorization.experiments.comparison import wilson
from daemon.workloads.categorization.experiments.metrics import Point, coverage_and_precision, coverage_curve

AROUND, REACH = 93.0, 2.0  # a confidence, and how near to it another one is much the same
LEVELS = ("high", "medium", "low")
THRESHOLDS = (70.0, 80.0, 85.0, 90.0, 93.0, 95.0, 97.0, 98.0, 99.0)
POINTS = 300  # of a curve: more cannot be seen

Figures = dict[str, float | int | str | None]


def around(sure: Sequence[float], right: Sequence[bool], confidence: float = AROUND, reach: float = REACH) -> Figures:
    """The products with about this confidence, and how many of them are right, with the 95 % interval of the share."""
    near = [(said, is_right) for said, is_right in zip(sure, right, strict=True) if abs(said - confidence) <= reach]
    hits = sum(is_right for _, is_right in near)
    low, high = wilson(hits, len(near))
    return {
        "low": confidence - reach,
        "high": confidence + reach,
        "products": len(near),
        "right": hits,
        "said": mean(said for said, _ in near) if near else None,
        "least": low,
        "most": high,
    }


def by_level(sure: Sequence[float], right: Sequence[bool], threshold: float) -> list[Figures]:
    """For each level its share of the products, and the share of these that is right."""
    rows: list[Figures] = []
    for level in LEVELS:
        hits = [is_right for said, is_right in zip(sure, right, strict=True) if derive_level(said, threshold) == level]
        rows.append({"level": level, "share": len(hits) / len(sure), "right": mean(hits) if hits else None})
    return rows


def by_threshold(
    sure: Sequence[float],
    right: Sequence[bool],
    unseen: Sequence[Sequence[float]],
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[Figures]:
    """What each threshold lets through: of products like those learned from, and of categories never seen in learning.

    `unseen` are the confidences of the latter, a list for each time that categories were left out.
    """
    rows: list[Figures] = []
    for threshold in thresholds:
        coverage, precision = coverage_and_precision(sure, right, threshold)
        let_through = mean(share_above(found, threshold) for found in unseen) if unseen else None
        rows.append({"threshold": threshold, "coverage": coverage, "precision": precision, "unseen": let_through})
    return rows


def share_above(confidences: Sequence[float], threshold: float) -> float:
    """The share at or above the threshold; 0 of nothing."""
    return mean(said >= threshold for said in confidences) if confidences else 0.0


def thin_curve(sure: Sequence[float], right: Sequence[bool], threshold: float) -> list[Point]:
    """The curve of coverage and precision in POINTS points or a few more; the one at the threshold is among them."""
    points = coverage_curve(sure, right)
    accepted = sum(point.threshold >= threshold for point in points)  # the points go down by their threshold
    kept = {*range(0, len(points), max(1, len(points) // POINTS)), accepted - 1, len(points) - 1}
    return [points[number] for number in sorted(kept) if number >= 0]
