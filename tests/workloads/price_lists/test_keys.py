"""By what an offer is known again."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.keys import LONGEST, draft_key, item_key
from daemon.workloads.price_lists.line import Line


def test_the_suppliers_own_number_goes_first() -> None:
    line = Line(1, "Hammer", sku=" A 1 ", barcode="4006381333931", part_number="HM-1")
    assert item_key(line) == "sku|a 1"


def test_then_the_barcode_then_the_makers_number_then_the_name() -> None:
    assert item_key(Line(1, "Hammer", barcode="4006381333931", part_number="HM-1")) == "barcode|4006381333931"
    assert item_key(Line(1, "Hammer", manufacturer="Hitwell", part_number="HM-1")) == "part|hitwell|hm-1"
    assert item_key(Line(1, "Hammer  600 g")) == "name||hammer 600 g"


def test_offers_of_two_suppliers_that_surely_are_one_thing_share_a_draft() -> None:
    assert draft_key(Line(1, "Hammer", sku="1", barcode="0400638133393"), 1) == draft_key(
        Line(7, "hammer!", sku="x", barcode="400638133393"), 2
    )
    assert draft_key(Line(1, "Hammer", sku="1", manufacturer="Hitwell", part_number="HM-1000"), 1) == draft_key(
        Line(7, "hammer!", sku="x", manufacturer="HITWELL", part_number="hm 1000"), 2
    )


def test_a_short_number_or_none_is_no_proof() -> None:
    for line in (Line(1, "Hammer", sku="1", manufacturer="Hitwell", part_number="1-2"), Line(1, "Hammer", sku="1")):
        assert draft_key(line, 1) != draft_key(line, 2)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_key_is_short_and_tells_names_apart(one: str, other: str) -> None:
    first, second = item_key(Line(1, one * 99)), item_key(Line(1, other * 99))
    assert len(first) <= LONGEST
    if one * 99 == other * 99:
        assert first == second


def test_long_names_that_differ_at_the_end_have_different_keys() -> None:
    assert item_key(Line(1, "x" * 500 + "1")) != item_key(Line(1, "x" * 500 + "2"))
