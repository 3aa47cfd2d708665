"""Turns evidence into decisions: which category, how sure, and why. Pure; knows no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.calibration import Calibration
from daemon.workloads.categorization.model.softmax import softmax
from daemon.workloads.categorization.model.vocabulary import FeatureMatrix
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Taxonomy

Level = Literal["high", "medium", "low"]

THRESHOLD = 90.0  # confidence from which a decision is of level "high"
LEAST, MOST = 10.0, 100.0  # confidence
FEATURES_SHOWN = 3  # per source
LEAST_SHARE = 0.1  # of the sum, for a source to be shown; of fewer than ten sources one always reaches it
LEAST_PART = 0.5  # of what the strongest feature of its source adds, for a feature to be shown
NO_CATEGORY = ""  # the code suggested where no category is known at all


class Alternative(NamedTuple):
    """A category that might be meant, with its probability in percent."""

    category_code: str
    probability: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The category suggested for one product. `confidence` is in [10, 100]; `evidence` is never empty.

    `alternatives` are the likeliest other categories, likeliest first.
    """

    category_code: str
    category_label: str
    confidence: float
    level: Level
    evidence: tuple[Evidence, ...]
    alternatives: tuple[Alternative, ...] = ()
    unknown_share: float = 0.0
    unknown_manufacturer: bool = False


def decide(
    model: Model,
    taxonomy: Taxonomy,
    products: Sequence[Product],
    threshold: float = THRESHOLD,
    signals: Sequence[Signal] = (),
) -> list[Decision]:
    """One decision for each product, in their order. Nothing in a product makes it raise."""
    if not products:
        return []
    if not model.categories:
        return [fallback_signal(NO_CATEGORY, taxonomy, threshold) for _ in products]
    features = model.vocabulary.read(products)
    narrow = model.narrow(features)
    scores = narrow.score()
    picked = pick_category(scores)
    confidences = compute_score(scores, picked, model.calibration).tolist()
    evidence = _build_slice(model, products, features, narrow.contributions(picked))
    decisions = []
    for position, confidence, reasons in zip(picked.tolist(), confidences, evidence, strict=True):
        code = model.categories[position]
        decisions.append(
            Decision(code, taxonomy.label_of(code), confidence, derive_level(confidence, threshold), reasons)
            if reasons
            else fallback_signal(code, taxonomy, threshold)
        )
    return decisions


def pick_category(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """The position of the best category in each row of (products, categories); of equals the first."""
    best: NDArray[np.intp] = np.argmax(scores, axis=1)
    return best


def compute_score(
    scores: NDArray[np.float32], picked: NDArray[np.intp], calibration: Calibration
) -> NDArray[np.float64]:
    """The confidence in the picked categories: calibrated probability in percent, 2 decimals, in [10, 100].

    `scores` (products, categories) are sums of weighted evidence; their softmax is the probability.
    """
    probabilities = softmax(scores)[np.arange(len(picked)), picked].astype(np.float64)
    confidence: NDArray[np.float64] = np.clip(100 * calibration.apply(probabilities), LEAST, MOST)
    return confidence.round(2)


def derive_level(score: float, threshold: float = THRESHOLD) -> Level:
    """At or above the threshold "high", from two thirds of it (60 for 90) "medium", else "low"."""
    if score >= threshold:
        return "high"
    return "medium" if score >= threshold * 2 / 3 else "low"


def fallback_signal(code: str, taxonomy: Taxonomy, threshold: float = THRESHOLD) -> Decision:
    """The answer where nothing that is known of the product speaks: a guess, said to be one."""
    reason = Evidence("fallback", "No evidence", "nothing known about this product points to a category", 0.0)
    return Decision(code, taxonomy.label_of(code), LEAST, derive_level(LEAST, threshold), (reason,))


def _build_slice(
    model: Model, products: Sequence[Product], features: FeatureMatrix, contributions: NDArray[np.float32]
) -> list[tuple[Evidence, ...]]:
    """The evidence of each product, the strongest source first; empty where nothing speaks for the category."""
    sources = model.vocabulary.sources
    shares = _weigh_sources(features, contributions, len(products))
    ranked = np.argsort(-shares, axis=1, kind="stable")  # (products, sources): the sources, strongest first
    ranks = np.argsort(ranked, axis=1)

    # Stretches of entries, one for each product and source shown: by product, then rank, then contribution.
    shown = np.flatnonzero(_is_shown(features, contributions, shares))
    stretch = features.rows[shown] * len(sources) + ranks[features.rows[shown], features.sources[shown]]
    order = np.lexsort((-contributions[shown], stretch))
    columns, stretch = features.matrix.indices[shown[order]], stretch[order]
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    ends = np.minimum(np.append(starts, len(columns))[1:], starts + FEATURES_SHOWN)
    rows, nths = np.divmod(stretch[starts], len(sources))
    speakers = ranked[rows, nths]
    weights = shares[rows, speakers]

    manufacturers, nobody = [product.manufacturer for product in products], [None] * len(products)
    voices = [
        (source.name, source.label, wording, manufacturers if source.names_manufacturer else nobody)
        for source, wording in zip(sources, model.vocabulary.wordings, strict=True)
    ]
    spoken, size = columns.tobytes(), columns.itemsize
    reasons = []
    for start, end, row, speaker, weight in zip(
        *(array.tolist() for array in (starts * size, ends * size, rows, speakers, weights)), strict=True
    ):
        name, label, wording, manufacturer = voices[speaker]
        reasons.append(Evidence(name, label, wording[spoken[start:end], manufacturer[row]], weight))
    bounds = np.searchsorted(rows, np.arange(len(products) + 1)).tolist()
    return [tuple(reasons[start:end]) for start, end in pairwise(bounds)]


def _weigh_sources(features: FeatureMatrix, contributions: NDArray[np.float32], products: int) -> NDArray[np.float64]:
    """The share of each source in what the sources that speak for the category add: (products, sources).

    3 decimals; 0 for a source that speaks against it, or not at all.
    """
    group = features.rows * features.number_of_sources + features.sources
    sums = np.bincount(group, weights=contributions, minlength=products * features.number_of_sources)
    speaks = np.maximum(sums, 0).reshape(products, features.number_of_sources)
    totals = speaks.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = speaks / np.where(totals > 0, totals, 1)
    return shares.round(3)


def _is_shown(
    features: FeatureMatrix, contributions: NDArray[np.float32], shares: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which entries are strong enough, in their source and with it, to be put into words."""
    group = features.rows * features.number_of_sources + features.sources
    starts = np.flatnonzero(np.diff(group, prepend=-1))  # entries of one product and source stand together
    strongest = np.maximum.reduceat(contributions, starts) if len(starts) else contributions
    least = np.repeat(strongest * LEAST_PART, np.diff(starts, append=len(group)))
    is_strong = (contributions > 0) & (contributions >= least)
    is_shown: NDArray[np.bool_] = is_strong & (shares[features.rows, features.sources] >= LEAST_SHARE)
    return is_shown
