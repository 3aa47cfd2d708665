"""The evidence of decisions: what the sources, the rules and the people say, as rows that people read."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.evidence.wording import printable
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.vocabulary import FeatureMatrix
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.ranking import Ranking
from daemon.workloads.categorization.taxonomy import Taxonomy

FEATURES_SHOWN = 3  # per source
LEAST_SHARE = 0.1  # of the sum, for a source to be shown; of fewer than ten sources one always reaches it
LEAST_PART = 0.5  # of what the strongest feature of its source adds, for a feature to be shown
LEAST_RUNNER_UP = 0.05  # probability from which what speaks for the second likeliest category is shown


def give_reasons(
    model: Model,
    taxonomy: Taxonomy,
    products: Sequence[Product],
    features: FeatureMatrix,
    ranking: Ranking,
    signals: Sequence[Signal],
) -> list[tuple[Evidence, ...]]:
    """The evidence of each product, the strongest first; empty where nothing speaks for the category.

    The weight of a reason is its share in the sum of all that speaks for the category; it is below 0 for what speaks
    for the runner-up instead, which stands last.
    """
    sums = features.sum_by_source(ranking.contributions)
    said = _hear(ranking, signals)
    totals = np.maximum(sums, 0).sum(axis=1)
    for row, spoken in said.items():
        totals[row] += sum(max(signal.amount, 0) for signal, is_for in spoken if is_for)
    shares = (np.maximum(sums, 0) / np.where(totals > 0, totals, 1)[:, None]).round(3)
    reasons = _put_into_words(model, products, features, ranking.contributions, shares)
    for row, spoken in said.items():
        reasons[row] = _add_signals(reasons[row], spoken, float(totals[row]), taxonomy)
    _add_runners_up(reasons, model, taxonomy, products, features, ranking, sums, totals)
    return reasons


def _hear(ranking: Ranking, signals: Sequence[Signal]) -> dict[int, list[tuple[Signal, bool]]]:
    """The signals of each product, and whether each is about the category picked."""
    said: dict[int, list[tuple[Signal, bool]]] = defaultdict(list)
    known = {*ranking.categories}
    for signal in signals:
        if signal.category_code in known:
            picked = ranking.categories[ranking.picked[signal.row]]
            said[signal.row].append((signal, signal.category_code == picked))
    return said


def _add_signals(
    reasons: tuple[Evidence, ...], spoken: Sequence[tuple[Signal, bool]], total: float, taxonomy: Taxonomy
) -> tuple[Evidence, ...]:
    """With the signals for the category, and those against others, which let it win."""
    more = [
        Evidence(
            signal.source_type,
            signal.source_label,
            signal.value if is_for else f"not {taxonomy.label_of(signal.category_code)}: {signal.value}",
            round(signal.amount / total, 3) if is_for and signal.amount > 0 and total > 0 else 0.0,
        )
        for signal, is_for in spoken
        if is_for or signal.amount < 0
    ]
    return tuple(sorted((*reasons, *more), key=lambda reason: -reason.weight))


def _add_runners_up(
    reasons: list[tuple[Evidence, ...]],
    model: Model,
    taxonomy: Taxonomy,
    products: Sequence[Product],
    features: FeatureMatrix,
    ranking: Ranking,
    sums: NDArray[np.float64],
    totals: NDArray[np.float64],
) -> None:
    """Where another category is nearly as likely: what speaks most for it rather than for the one picked."""
    second, probabilities = ranking.runners_up()
    known = len(model.categories)
    rows = np.flatnonzero(
        (probabilities >= LEAST_RUNNER_UP) & (second < known) & (ranking.picked < known) & (totals > 0)
    )
    if not len(rows):
        return
    part = features.take(rows)
    added = model.look_up(part, second[rows])[0] - model.look_up(part, ranking.picked[rows])[0]
    differences = part.sum_by_source(added)
    strongest = differences.argmax(axis=1)
    for position, (row, source) in enumerate(zip(rows.tolist(), strongest.tolist(), strict=True)):
        difference = float(differences[position, source])
        if difference <= 0 or not reasons[row]:
            continue
        entries = np.flatnonzero((part.rows == position) & (part.sources == source))
        entries = entries[np.argsort(-added[entries], kind="stable")][:FEATURES_SHOWN]
        entries = entries[added[entries] >= LEAST_PART * added[entries[0]]]
        speaker = model.vocabulary.sources[source]
        manufacturer = products[row].manufacturer if speaker.names_manufacturer else None
        words = model.vocabulary.wordings[source][part.matrix.indices[entries].tobytes(), manufacturer]
        label = taxonomy.label_of(ranking.categories[second[row]])
        value = printable(f"{label} ({speaker.label.lower()}: {words})")
        weight = -round(min(1.0, difference / float(totals[row])), 3)
        reasons[row] = (*reasons[row], Evidence("runner_up", "Runner-up", value, weight))


def _put_into_words(
    model: Model,
    products: Sequence[Product],
    features: FeatureMatrix,
    contributions: NDArray[np.float32],
    shares: NDArray[np.float64],
) -> list[tuple[Evidence, ...]]:
    """A reason for each source that is to be shown, the strongest source first."""
    sources = model.vocabulary.sources
    if not sources:
        return [()] * len(products)
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
