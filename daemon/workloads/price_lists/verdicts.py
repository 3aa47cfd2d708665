"""Decides what each line of a slice is: as it was, linked, for people to say, or a draft."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from daemon.workloads.price_lists.knowledge import Knowledge
from daemon.workloads.price_lists.matching.match import MOST_UNLINKED, REVIEW, Candidate, Match, Reason
from daemon.workloads.price_lists.matching.matching import judge, settle
from daemon.workloads.price_lists.offers import Key, KnownItem, MatchStatus, ReadLine, Verdict

Taken = Mapping[tuple[int, int], set[str]]  # supplier and product: the keys of the items that are linked


class Offer(NamedTuple):
    """A line that can be used, and the item that it is of."""

    line: ReadLine
    key: Key


def decide(
    offers: Sequence[Offer],
    known: Mapping[Key, KnownItem],
    knowledge: Knowledge,
    read_taken: Callable[[Sequence[tuple[int, int]]], Taken],
) -> list[Verdict]:
    """One verdict for each offer, each supplier's lines judged together: they tell what its prices usually are.
    `read_taken` tells which items are linked with products already."""
    verdicts: list[Verdict] = []
    to_match: dict[int, list[Offer]] = {}
    for offer in offers:
        item = known.get(offer.key)
        if item is not None and item.is_settled_for(offer.line):
            verdicts.append(_as_before(offer, item))
        else:
            to_match.setdefault(offer.key.supplier_id, []).append(offer)
    judged = {supplier_id: _judge(theirs, known, knowledge) for supplier_id, theirs in to_match.items()}
    linked = {
        (supplier_id, found.product_id)
        for supplier_id, matches in judged.items()
        for found in matches
        if found.product_id is not None
    }
    taken = read_taken(sorted(linked)) if linked else {}
    for supplier_id, matches in judged.items():
        theirs = to_match[supplier_id]
        by_others = _taken_by_others(theirs, matches, taken, verdicts)
        settled = settle([offer.line.line for offer in theirs], matches, by_others)
        verdicts += [_of_match(offer, found) for offer, found in zip(theirs, settled, strict=True)]
    return verdicts


def _judge(offers: Sequence[Offer], known: Mapping[Key, KnownItem], knowledge: Knowledge) -> list[Match]:
    matches = judge([offer.line.line for offer in offers], knowledge.catalogue, knowledge.scorer)
    return [_without_refused(found, known.get(offer.key)) for offer, found in zip(offers, matches, strict=True)]


def _taken_by_others(
    offers: Sequence[Offer], matches: Sequence[Match], taken: Taken, before: Sequence[Verdict]
) -> set[int]:
    """Of the products that a supplier's lines want, those that its other items have."""
    supplier_id = offers[0].key.supplier_id
    wanting: dict[int, set[str]] = {}
    for offer, found in zip(offers, matches, strict=True):
        if found.product_id is not None:
            wanting.setdefault(found.product_id, set()).add(offer.key.item_key)
    kept = {v.product_id for v in before if v.key.supplier_id == supplier_id}
    return {
        product_id
        for product_id, keys in wanting.items()
        if product_id in kept or taken.get((supplier_id, product_id), set()) - keys
    }


def _without_refused(found: Match, item: KnownItem | None) -> Match:
    """What people said it is not is no candidate any more; what is left is for people to judge."""
    refused = frozenset(item.refused) if item is not None else frozenset()
    candidates = tuple(each for each in found.candidates if each.product_id not in refused)
    if len(candidates) == len(found.candidates):
        return found
    score = min(candidates[0].score, MOST_UNLINKED) if candidates else 0.0
    return Match(found.number, None, score, "review" if score >= REVIEW else "draft", candidates)


def _as_before(offer: Offer, item: KnownItem) -> Verdict:
    return Verdict(
        line=offer.line,
        key=offer.key,
        status=MatchStatus(item.match_status),
        product_id=item.product_id,
        score=float(item.match_score),
        reasons=item.match_reasons,
        draft_id=item.draft_id,
    )


def _of_match(offer: Offer, found: Match) -> Verdict:
    return Verdict(
        line=offer.line,
        key=offer.key,
        status=MatchStatus(found.status),
        product_id=found.product_id,
        score=found.score,
        reasons=[_reason(reason) for reason in found.candidates[0].reasons] if found.candidates else [],
        candidates=[_candidate(candidate) for candidate in found.candidates],
    )


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "product_id": candidate.product_id,
        "score": round(candidate.score, 2),
        "reasons": [_reason(reason) for reason in candidate.reasons],
        "vetoes": list(candidate.vetoes),
        "features": dict(candidate.features),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"kind": reason.kind, "text": reason.text, "weight": round(reason.weight, 3)}
