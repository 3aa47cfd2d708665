"""Turns evidence into decisions: which category, how sure, and why. Pure; knows no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.evidence.wording import printable
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.ranking import Ranking
from daemon.workloads.categorization.reasons import give_reasons
from daemon.workloads.categorization.taxonomy import Taxonomy

Level = Literal["high", "medium", "low"]

THRESHOLD = 90.0  # confidence from which a decision is of level "high"
LEAST, MOST = 10.0, 100.0  # confidence
ALTERNATIVES = 3
LEAST_ALTERNATIVE = 1.0  # percent
FAMILIAR = 0.5  # share of what was seen, below which a product is said to be unlike its category
SURE_BRANCH = 0.9  # probability from which the branch is said to be sure where the category is not
NO_CATEGORY = ""  # the code suggested where no category is known at all


class Alternative(NamedTuple):
    """A category that might be meant instead, with its probability in percent."""

    category_code: str
    probability: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The category suggested for one product. `confidence` is in [10, 100]; `evidence` is never empty.

    alternatives: the likeliest other categories, likeliest first. None is likelier than the one suggested, and with its
    confidence they are 100 percent at most.
    unknown_share: of what was read of the product, the share that the model does not know.
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
    silent: frozenset[str] = frozenset(),
) -> list[Decision]:
    """One decision for each product, in their order. Nothing in a product makes it raise.

    Signals for categories that neither the model nor the taxonomy knows are passed over. The sources named in `silent`
    are not heard.
    """
    if not products:
        return []
    if not model.categories:
        return [_guess(NO_CATEGORY, taxonomy, threshold) for _ in products]
    features = model.vocabulary.read(products, silent)
    ranking = Ranking.of(model, features, signals, taxonomy)
    confidences = as_confidence(ranking.calibrated).tolist()
    reasons = give_reasons(model, taxonomy, products, features, ranking, signals)
    alternatives = _find_alternatives(ranking, confidences)
    shares, is_new = model.novelty(features)
    doubts = _express_doubts(model, ranking, np.array(confidences) < threshold)
    decisions = []
    for row, (position, confidence, share, is_unknown) in enumerate(
        zip(ranking.picked.tolist(), confidences, shares.tolist(), is_new.tolist(), strict=True)
    ):
        code = ranking.categories[position]
        if not reasons[row]:
            decisions.append(_guess(code, taxonomy, threshold, share, is_unknown))
            continue
        decisions.append(
            Decision(
                code,
                taxonomy.label_of(code),
                confidence,
                derive_level(confidence, threshold),
                (*reasons[row], doubts[row]) if row in doubts else reasons[row],
                alternatives.get(row, ()),
                share,
                is_unknown,
            )
        )
    return decisions


def as_confidence(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Calibrated probabilities in percent, 2 decimals, in [10, 100]."""
    return np.clip(100 * probabilities, LEAST, MOST).round(2)


def derive_level(score: float, threshold: float = THRESHOLD) -> Level:
    """At or above the threshold "high", from two thirds of it (60 for 90) "medium", else "low"."""
    if score >= threshold:
        return "high"
    return "medium" if score >= threshold * 2 / 3 else "low"


def fallback_signal(value: str) -> Evidence:
    """The evidence that there is little of it."""
    return Evidence("fallback_signal", "Unfamiliar", value, 0.0)


def _guess(
    code: str, taxonomy: Taxonomy, threshold: float, unknown_share: float = 0.0, unknown_manufacturer: bool = False
) -> Decision:
    """The answer where nothing that is known of the product speaks: a guess, said to be one."""
    reason = fallback_signal("nothing known about this product points to a category")
    level = derive_level(LEAST, threshold)
    return Decision(code, taxonomy.label_of(code), LEAST, level, (reason,), (), unknown_share, unknown_manufacturer)


def _express_doubts(model: Model, ranking: Ranking, is_unsure: NDArray[np.bool_]) -> dict[int, Evidence]:
    """For the unsure rows: that the product is unlike its category, or else that only its branch is sure."""
    doubts: dict[int, Evidence] = {}
    for row in np.flatnonzero(is_unsure).tolist():
        if ranking.familiarity[row] < FAMILIAR:
            percent = round(100 * float(ranking.familiarity[row]))
            doubts[row] = fallback_signal(f"only {percent} % of what it shows was seen in this category before")
        elif branch := ranking.sure_branch(model.tree, row, SURE_BRANCH):
            doubts[row] = Evidence("branch", "Branch", printable(f"{branch}: sure, but not which category in it"), 0.0)
    return doubts


def _find_alternatives(ranking: Ranking, confidences: Sequence[float]) -> dict[int, tuple[Alternative, ...]]:
    """The likeliest others of each row that has any, believed as far as the one picked, and in what that one leaves."""
    number = min(ALTERNATIVES + 1, len(ranking.categories))
    left = 1 - ranking.probabilities
    rows = np.flatnonzero((left > LEAST_ALTERNATIVE / 100) & (100 - np.array(confidences) >= LEAST_ALTERNATIVE))
    if number < 2 or not len(rows):
        return {}
    logarithms = ranking.logarithms[rows]
    best = np.argsort(-logarithms, axis=1, kind="stable")[:, :number]
    likely = np.exp(np.take_along_axis(logarithms, best, axis=1).astype(np.float64))
    alternatives = {}
    for row, positions, probabilities in zip(rows.tolist(), best.tolist(), likely.tolist(), strict=True):
        scale = min((100 - confidences[row]) / left[row], confidences[row] / ranking.probabilities[row])
        found = tuple(
            Alternative(ranking.categories[position], round(probability * scale, 2))
            for position, probability in zip(positions, probabilities, strict=True)
            if position != ranking.picked[row] and probability * scale >= LEAST_ALTERNATIVE
        )[:ALTERNATIVES]
        if found:
            alternatives[row] = found
    return alternatives
