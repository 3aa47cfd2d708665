"""Decides what each line of a slice is: as it was, linked, for people to say, or a draft."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from daemon.workloads.price_lists.knowledge import Knowledge
from daemon.workloads.price_lists.matching.matching import REVIEWED, Candidate, Match, match
from daemon.workloads.price_lists.offers import Key, KnownItem, MatchStatus, ReadLine, Verdict

Taken = Callable[[Sequence[tuple[int, int]]], Mapping[tuple[int, int], set[str]]]


class Offer(NamedTuple):
    """A line that can be used, and the item that it is of."""

    line: ReadLine
    key: Key


def decide(
    offers: Sequence[Offer], known: Mapping[Key, KnownItem], knowledge: Knowledge, read_taken: Taken
) -> list[Verdict]:
    """One verdict for each offer. `read_taken` tells which items are linked to products already."""
    verdicts: list[Verdict] = []
    open_offers: list[Offer] = []
    for offer in offers:
        item = known.get(offer.key)
        if item is not None and item.is_settled_for(offer.line):
            verdicts.append(_as_before(offer, item))
        else:
            open_offers.append(offer)
    matches = match([offer.line.line for offer in open_offers], knowledge.catalogue, knowledge.scorer)
    found = [
        _of_match(offer, result, frozenset(known[offer.key].refused) if offer.key in known else frozenset())
        for offer, result in zip(open_offers, matches, strict=True)
    ]
    return verdicts + _one_to_one(found, verdicts, read_taken)


def _one_to_one(found: Sequence[Verdict], before: Sequence[Verdict], read_taken: Taken) -> list[Verdict]:
    """Of several items of a supplier that want one product, the best has it; people are asked about the others."""
    wanted = sorted({(v.key.supplier_id, v.product_id) for v in found if v.product_id is not None})
    taken = {pair: set(keys) for pair, keys in read_taken(wanted).items()} if wanted else {}
    for verdict in before:
        if verdict.product_id is not None:
            taken.setdefault((verdict.key.supplier_id, verdict.product_id), set()).add(verdict.key.item_key)
    best: dict[tuple[int, int], Verdict] = {}
    for verdict in found:
        if verdict.status is MatchStatus.LINKED and verdict.product_id is not None:
            pair = verdict.key.supplier_id, verdict.product_id
            rival = best.get(pair)
            if rival is None or (-verdict.score, verdict.key.item_key) < (-rival.score, rival.key.item_key):
                best[pair] = verdict
    return [_give_way(verdict, best, taken) for verdict in found]


def _give_way(
    verdict: Verdict, best: Mapping[tuple[int, int], Verdict], taken: Mapping[tuple[int, int], set[str]]
) -> Verdict:
    if verdict.status is not MatchStatus.LINKED or verdict.product_id is None:
        return verdict
    pair = verdict.key.supplier_id, verdict.product_id
    others = taken.get(pair, set()) - {verdict.key.item_key}
    if not others and best[pair].key == verdict.key:
        return verdict
    rival = min(others) if others else best[pair].key.item_key
    reason = {"kind": "one_to_one", "text": f"another item of this supplier is this product: {rival}", "weight": 0.0}
    return Verdict(
        line=verdict.line,
        key=verdict.key,
        status=MatchStatus.REVIEW,
        product_id=None,
        score=verdict.score,
        reasons=[*verdict.reasons, reason],
        candidates=verdict.candidates,
    )


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


def _of_match(offer: Offer, result: Match, refused: frozenset[int]) -> Verdict:
    """What people said it is not is no candidate any more, and what is left is for people to judge."""
    candidates = [candidate for candidate in result.candidates if candidate.product_id not in refused]
    best = candidates[0] if candidates else None
    status = MatchStatus(result.status)
    if len(candidates) < len(result.candidates):
        status = MatchStatus.REVIEW if best is not None and best.score >= REVIEWED else MatchStatus.DRAFT
    return Verdict(
        line=offer.line,
        key=offer.key,
        status=status,
        product_id=result.product_id if status is MatchStatus.LINKED else None,
        score=0.0 if best is None else best.score,
        reasons=[] if best is None else _reasons(best),
        candidates=[_candidate(candidate) for candidate in candidates],
    )


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "product_id": candidate.product_id,
        "score": round(candidate.score, 2),
        "reasons": _reasons(candidate),
        "features": dict(candidate.features),
    }


def _reasons(candidate: Candidate) -> list[dict[str, Any]]:
    return [
        {"kind": reason.kind, "text": reason.text, "weight": round(reason.weight, 3)} for reason in candidate.reasons
    ]
