"""Matches the lines of a slice with the catalogue."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.candidates import find_candidates
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.features import compute_features, find_same_names, find_same_words
from daemon.workloads.price_lists.matching.match import (
    LINKED,
    MOST_UNLINKED,
    REVIEW,
    Candidate,
    Match,
    Reason,
    Status,
)
from daemon.workloads.price_lists.matching.reasons import Explainer, name_features
from daemon.workloads.price_lists.matching.scorer import Scorer, as_score
from daemon.workloads.price_lists.matching.text import compact
from daemon.workloads.price_lists.matching.vetoes import find_vetoes, is_identified, is_sure_by_name

SHOWN = 5  # candidates of a line
LEAST_SHOWN = 10.0  # score
LEAST_IDENTIFIED = float(np.log(REVIEW / (100 - REVIEW)))  # log-odds
LEAST_SURE = float(np.log(LINKED / (100 - LINKED)))
TAKEN = "taken"  # kind of the reason that another line has the product


def match(
    lines: Sequence[Line], catalogue: Catalogue, scorer: Scorer, taken: Collection[int] = frozenset()
) -> list[Match]:
    """One match for each line of one list, in their order: judged, then settled."""
    return settle(lines, judge(lines, catalogue, scorer), taken)


def judge(lines: Sequence[Line], catalogue: Catalogue, scorer: Scorer) -> list[Match]:
    """One match for each line, in their order, each for itself. Nothing in a line makes it raise.

    Some hundred lines at once are much quicker than one by one. Lines of one supplier tell what its prices usually are.
    """
    if not lines or not len(catalogue):
        return [Match(line.number, None, 0.0, "draft", ()) for line in lines]
    reading = catalogue.read(lines)
    pairs = find_candidates(reading, catalogue)
    features = compute_features(reading, catalogue, pairs)
    log_odds = scorer.score(features.values, pairs.lines)
    is_one = is_identified(features.values, find_same_words(reading, catalogue, pairs))
    log_odds = np.where(is_one, np.maximum(log_odds, LEAST_IDENTIFIED), log_odds)
    same_name = find_same_names(reading, catalogue, pairs, features)
    has_rival = scorer.has_rival(features.values, pairs.lines, same_name)
    is_sure = is_sure_by_name(features.values, same_name, has_rival)
    log_odds = np.where(is_sure, np.maximum(log_odds, LEAST_SURE), log_odds)
    vetoes = find_vetoes(features.values, has_rival)
    explainer = Explainer(reading, catalogue, pairs, features.values, scorer.weights, features.usual_ratio)
    scores = as_score(log_odds)
    is_forbidden = np.logical_or.reduce(list(vetoes.values()))
    scores = np.where(is_forbidden, np.minimum(scores, MOST_UNLINKED), scores)
    order = np.lexsort((catalogue.ids[pairs.products], -log_odds, pairs.lines))
    begins = np.searchsorted(pairs.lines[order], np.arange(len(lines) + 1))
    matches = []
    for row, line in enumerate(lines):
        ranked = order[begins[row] : begins[row + 1]].tolist()
        shown = []
        for pair in ranked[:SHOWN]:
            if scores[pair] < LEAST_SHOWN:
                break
            kinds = tuple(kind for kind, flags in vetoes.items() if flags[pair])
            shown.append(
                Candidate(
                    int(catalogue.ids[pairs.products[pair]]),
                    float(scores[pair]),
                    explainer.explain(pair, kinds),
                    kinds,
                    name_features(features.values[pair]),
                )
            )
        best = float(scores[ranked[0]]) if ranked else 0.0
        status = derive_status(best)
        matches.append(
            Match(line.number, shown[0].product_id if status == "linked" else None, best, status, tuple(shown))
        )
    return matches


def derive_status(score: float) -> Status:
    return "linked" if score >= LINKED else "review" if score >= REVIEW else "draft"


def settle(lines: Sequence[Line], matches: Sequence[Match], taken: Collection[int] = frozenset()) -> list[Match]:
    """One line for each product: of several that are linked with one, the best keeps it, the others go to review.

    Unless the list itself repeats what it offers (the same sku, part number or barcode): then all of those keep it.
    Lines and matches stand side by side. What is `taken` is nobody's.
    """
    best: dict[int, int] = {}
    for place, found in enumerate(matches):
        if found.product_id is not None:
            rival = best.get(found.product_id)
            if rival is None or found.score > matches[rival].score:
                best[found.product_id] = place
    settled = []
    for place, found in enumerate(matches):
        if found.product_id is None:
            settled.append(found)
        elif found.product_id in taken:
            settled.append(_put_to_review(found, "the product is linked with another item of this supplier"))
        elif best[found.product_id] != place and not _is_repeat(lines[place], lines[best[found.product_id]]):
            number = lines[best[found.product_id]].number
            settled.append(_put_to_review(found, f"line {number} of the list fits this product better"))
        else:
            settled.append(found)
    return settled


def _put_to_review(found: Match, text: str) -> Match:
    best = found.candidates[0]
    best = replace(
        best,
        score=min(best.score, MOST_UNLINKED),
        reasons=(Reason(TAKEN, text, 0.0), *best.reasons),
        vetoes=(*best.vetoes, TAKEN),
    )
    return replace(found, product_id=None, score=best.score, status="review", candidates=(best, *found.candidates[1:]))


def _is_repeat(one: Line, other: Line) -> bool:
    """Whether two lines offer the same thing in the list's own words."""
    if one.sku and other.sku:
        return one.sku == other.sku
    if one.part_number and other.part_number:
        return compact(one.part_number) == compact(other.part_number)
    return one.barcode is not None and one.barcode == other.barcode
