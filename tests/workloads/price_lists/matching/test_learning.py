"""One decision changes nothing that anybody sees; many that agree change what they speak of."""

import pytest

from bench.price_lists.hard_lists import make_hard_list
from bench.price_lists.invented import make_shop
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.matching import match
from daemon.workloads.price_lists.matching.scorer import Reviewed, shipped_scorer


@pytest.fixture(scope="module")
def listed():
    """The lines of an invented list, what it is matched with, and what comes of it."""
    hard = make_hard_list(make_shop(1_200, seed=3), 300, seed=3)
    catalogue = Catalogue(hard.products)
    return hard.lines, catalogue, match(hard.lines, catalogue, shipped_scorer())


def reviews_of(found, chosen):
    """What a person's decision teaches: the candidate that was chosen, or none."""
    share = -1.0 / max(1, len(found.candidates) - (chosen is not None))
    return [Reviewed(each.features, 1.0 if place == chosen else share) for place, each in enumerate(found.candidates)]


def match_taught(listed, reviews):
    lines, catalogue, _ = listed
    return match(lines, catalogue, shipped_scorer().taught(reviews))


@pytest.mark.parametrize("chosen", [0, None], ids=["approved", "rejected"])
@pytest.mark.parametrize("place", range(4))
def test_one_review_changes_no_line(listed, chosen, place):
    asked = [found for found in listed[2] if found.status == "review"]
    taught = match_taught(listed, reviews_of(asked[place * len(asked) // 4], chosen))
    assert [found.status for found in taught] == [found.status for found in listed[2]]


@pytest.mark.parametrize(("chosen", "side"), [(0, 1), (None, -1)], ids=["approved", "rejected"])
def test_many_reviews_that_agree_change_what_they_speak_of(listed, chosen, side):
    asked = [found for found in listed[2] if found.status == "review" and not found.candidates[0].vetoes]
    taught = match_taught(listed, reviews_of(asked[0], chosen) * 200)
    place = asked[0].number
    before = next(found for found in listed[2] if found.number == place)
    after = next(found for found in taught if found.number == place)
    assert (after.score - before.score) * side > 2


def test_unsure_pairs_that_were_rejected_leave_the_surest_linked(listed):
    asked = [found for found in listed[2] if found.status == "review"][:20]
    taught = match_taught(listed, [review for found in asked for review in reviews_of(found, None)])
    sure = [found.number for found in listed[2] if found.product_id is not None and found.score > 97]
    assert sure
    linked = {found.number for found in taught if found.product_id is not None}
    assert set(sure) <= linked
