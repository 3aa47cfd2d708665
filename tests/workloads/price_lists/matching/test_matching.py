"""Lines are linked where that is safe, put to people where it is not, and drafts where nothing fits."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.match import LINKED, MOST_UNLINKED, REVIEW
from daemon.workloads.price_lists.matching.matching import match, settle
from daemon.workloads.price_lists.matching.scorer import shipped_scorer
from daemon.workloads.price_lists.product import CatalogueProduct
from tests.workloads.price_lists.matching.goods import (
    FILLERS,
    candidate_of,
    make_line,
    make_product,
    match_one,
    reason_of,
)

FINGERPRINT = """
from tests.workloads.price_lists.matching.goods import make_line, make_product, match_one
print(match_one(make_line(name="Corvell lamp black 16 GB 2 m"), make_product(), make_product(2, part_number="AX-1300")))
"""
SCORER = shipped_scorer()


def test_the_same_product_is_linked():
    found = match_one(make_line(), make_product())
    assert (found.number, found.product_id, found.status) == (1, 1, "linked")
    assert found.score >= LINKED
    assert found.candidates[0].vetoes == ()


def test_what_the_catalogue_has_not_is_a_draft():
    found = match_one(
        make_line(name="Quibble garden gnome", manufacturer="Quibble", part_number="QQ-77"), make_product()
    )
    assert (found.product_id, found.status) == (None, "draft")


def test_a_name_alone_that_is_alike_is_for_people():
    line = make_line(name="Aurora desk lamp by Corvell", part_number=None)
    assert match_one(line, make_product()).status in ("review", "linked")


@pytest.mark.parametrize("code", ["ax 1200", "AX1200", "AX-1200 ", "ax/1200", "CORAX-1200"])
def test_a_part_number_may_be_written_in_many_ways(code):
    assert match_one(make_line(part_number=code), make_product()).status == "linked"


@pytest.mark.parametrize("barcode", ["4006381333931", "04006381333931", "400-6381 333931"])
def test_a_barcode_links_whatever_the_name(barcode):
    line = Line(1, "Lampe de bureau Aurora", barcode=barcode)
    found = match_one(line, make_product(barcode="4006381333931"))
    assert found.candidates[0].product_id == 1
    assert reason_of(line, make_product(barcode="4006381333931"), "barcode_same").weight > 0


@pytest.mark.parametrize(
    ("of_line", "of_product"),
    [
        ({"name": "Wandleuchte Ostwind", "price": Decimal("900")}, {}),
        (
            {"name": "x", "manufacturer": "Zambo", "part_number": "Q-99", "barcode": "4006381333931"},
            {"barcode": "4006381333931"},
        ),
        (
            {"name": "digital soldering iron 60 watt", "part_number": None, "price": None},
            {"name": "Soldering iron digital, 60 Watt", "part_number": None},
        ),
    ],
)
def test_what_is_identified_is_never_a_draft(of_line, of_product):
    found = match_one(make_line(**of_line), make_product(**of_product))
    assert found.status in ("review", "linked")
    assert found.candidates[0].product_id == 1


VETOED = {
    "barcode_other": ({"barcode": "4006381333931"}, {"barcode": "4012345678901"}),
    "code_other": ({}, {"part_number": "AX-1300"}),
    "code_part": ({"part_number": "AX-1200B"}, {}),
    "quantities_other": ({"name": "Corvell Aurora drive 16 GB"}, {"name": "Corvell Aurora drive 32 GB"}),
    "colour_other": ({"name": "Corvell Aurora lamp black"}, {"name": "Corvell Aurora lamp white"}),
    "condition_other": ({}, {"name": "Corvell Aurora desk lamp refurbished"}),
    "size_other": ({"name": "Corvell Aurora shirt size M"}, {"name": "Corvell Aurora shirt size XL"}),
    "pack_other": ({"name": "Corvell Aurora bulbs 2-pack"}, {"name": "Corvell Aurora bulbs pack of 4"}),
    "pack_one_sided": (
        {"name": "Corvell Aurora bulb 2-pack", "part_number": None},
        {"name": "Corvell Aurora bulb", "part_number": None},
    ),
    "numbers_other": (
        {"name": "Corvell Aurora 4 lamp", "part_number": None},
        {"name": "Corvell Aurora 5 lamp", "part_number": None},
    ),
}


@pytest.mark.parametrize("kind", VETOED)
def test_what_differs_is_never_linked_by_itself(kind):
    of_line, of_product = VETOED[kind]
    line, product = make_line(**of_line), make_product(**of_product)
    sure = replace(SCORER, offset=20.0)  # as sure as a scorer can be
    found = match([line], Catalogue([product, *FILLERS]), sure)[0]
    assert (found.product_id, found.status) == (None, "review")
    assert found.score <= MOST_UNLINKED
    candidate = found.candidates[0]
    assert candidate.product_id == 1
    assert kind in candidate.vetoes
    assert candidate.reasons[0].kind in candidate.vetoes, "what forbids it is told first"
    assert kind in [reason.kind for reason in candidate.reasons]


@pytest.mark.parametrize(
    ("of_line", "of_product"),
    [
        ({"name": "Corvell Aurora drive 1 TB"}, {"name": "Corvell Aurora drive 1000GB"}),
        ({"name": "Corvell Aurora drive 2048 MB"}, {"name": "Corvell Aurora drive 2 GB"}),
        ({"name": "Corvell Aurora Kabel 1,5 m"}, {"name": "Corvell Aurora Kabel 150 cm"}),
        ({"name": "Corvell Aurora lamp schwarz"}, {"name": "Corvell Aurora lamp black"}),
        ({"name": "Corvell Aurora lamp silver"}, {"name": "Corvell Aurora lamp grey"}),
        ({"name": "Corvell Aurora screen 24-Inch"}, {"name": 'Corvell Aurora screen 24"'}),
        ({"name": "Corvell Aurora bulbs 10er Pack"}, {"name": "Corvell Aurora bulbs pack of 10"}),
        ({"name": "Corvell Aurora 100nF"}, {"name": "Corvell Aurora 0.1 µF"}),
        ({"name": "Corvell Aurora 4k7"}, {"name": "Corvell Aurora 4.7 kΩ"}),
        ({"name": "Corvell Aurora 16 GB"}, {"name": "Corvell Aurora", "attributes": {"memory": "16GB"}}),
        ({"name": "Corvell Aurora", "characteristics": {"Farbe": "rot"}}, {"name": "Corvell Aurora red"}),
    ],
)
def test_what_is_only_written_otherwise_is_linked(of_line, of_product):
    found = match_one(make_line(**of_line), make_product(**of_product))
    assert (found.product_id, found.status) == (1, "linked"), found.candidates[0].reasons


def test_attributes_may_contradict_the_name():
    line = make_line(name="Corvell Aurora 16 GB")
    assert "quantities_other" in candidate_of(line, make_product(attributes={"memory": "32 GB"})).vetoes


def test_a_runner_up_as_good_as_the_best_forbids_a_link():
    found = match_one(make_line(), make_product(1), make_product(2))
    assert (found.product_id, found.status) == (None, "review")
    assert {each.product_id for each in found.candidates[:2]} == {1, 2}
    assert found.candidates[0].reasons[0].kind == "runner_up"


WASHER = "Kärcher pressure washer K4 Power Control"


@pytest.mark.parametrize("name", [WASHER, "KARCHER Pressure  Washer K4 Power Control"])
def test_one_name_of_one_maker_that_no_other_has_is_linked(name):
    washers = [
        make_product(n, WASHER.replace("K4", f"K{n}"), manufacturer="Kärcher", part_number=None, price=None)
        for n in (4, 5)
    ]
    line = make_line(name=name, manufacturer="Kärcher", part_number="1.324-030.0")
    found = match_one(line, *washers)
    assert (found.product_id, found.status) == (4, "linked")
    assert "runner_up" not in found.candidates[0].vetoes


@pytest.mark.parametrize(
    ("of_line", "of_product"),
    [
        ({}, {"product_id": 5}),
        ({"manufacturer": None}, {}),
        ({"manufacturer": "Zambo"}, {}),
        ({"price": Decimal(90)}, {}),
        ({"part_number": "Q-1"}, {"part_number": "Q-2"}),
    ],
)
def test_one_name_is_not_enough_where_something_speaks_against_it(of_line, of_product):
    fields = {"manufacturer": "Kärcher", "part_number": None}
    twin = make_product(**{"product_id": 4, "name": WASHER, **fields, **of_product})
    products = [twin, make_product(4, WASHER, **fields)] if twin.product_id == 5 else [twin]
    assert match_one(make_line(**{"name": WASHER, **fields, **of_line}), *products).product_id is None


def test_where_no_other_is_near_none_is_said_to_be_as_good():
    candidate = candidate_of(
        make_line(name="Aurora", part_number=None, price=None), make_product(name="Aurora", part_number=None)
    )
    assert "runner_up" not in candidate.vetoes


def test_of_two_lines_for_one_product_the_better_keeps_it():
    lines = [make_line(1, name="Corvell desk lamp", sku="a"), make_line(2, sku="b")]
    worse, better = match(lines, Catalogue([make_product(), *FILLERS]), SCORER)
    assert (better.product_id, better.status) == (1, "linked")
    assert (worse.product_id, worse.status) == (None, "review")
    assert worse.candidates[0].reasons[0].text == "line 2 of the list fits this product better"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"sku": "a"}, {"sku": "a"}),
        ({}, {"part_number": "ax1200"}),
    ],
)
def test_a_list_that_repeats_itself_links_all_of_them(one, other):
    lines = [make_line(1, **one), make_line(2, **other)]
    assert [found.status for found in match(lines, Catalogue([make_product(), *FILLERS]), SCORER)] == ["linked"] * 2


def test_a_product_of_another_item_is_not_linked_again():
    found = match_one(make_line(), make_product(), taken={1})
    assert (found.product_id, found.status, found.score) == (None, "review", MOST_UNLINKED)
    assert found.candidates[0].vetoes == ("taken",)


def test_settling_twice_changes_nothing():
    lines = [make_line(1, sku="a"), make_line(2, sku="b")]
    once = match(lines, Catalogue([make_product(), *FILLERS]), SCORER)
    assert settle(lines, once) == once


def test_prices_in_another_currency_are_no_reason_against():
    products = [
        make_product(n, f"Corvell model {word}", part_number=f"AX-{n}00", price=Decimal(n * 10))
        for n, word in enumerate(("alder", "birch", "cedar", "elder", "maple", "rowan", "hazel"), 1)
    ]
    lines = [make_line(p.product_id, p.name, part_number=p.part_number, price=p.price * 400) for p in products]
    found = match(lines, Catalogue([*products, *FILLERS]), SCORER)
    assert [each.product_id for each in found] == [p.product_id for p in products]
    assert "as this list's prices go" in str(found[0].candidates[0].reasons)
    alone = match(lines[:1], Catalogue([*products, *FILLERS]), SCORER)[0]
    assert alone.score < found[0].score


def test_nothing_in_nothing_out():
    assert match([], Catalogue([make_product()]), SCORER) == []
    assert match([make_line(7)], Catalogue([]), SCORER)[0].status == "draft"
    assert match([Line(8, "???")], Catalogue([make_product()]), SCORER)[0].candidates == ()
    assert match([make_line()], Catalogue([CatalogueProduct(1, "")]), SCORER)[0].status == "draft"


def test_the_first_of_two_products_with_one_id_counts():
    catalogue = Catalogue([make_product(1), make_product(1, "something else")])
    assert len(catalogue) == 1
    assert catalogue.columns.names[0] == "corvell aurora desk lamp"


HOSTILE = [
    "x" * 1_000_000,
    "9" * 1_000_000,
    "1/2 " * 250_000,
    "1.2," * 250_000,
    "a-1-" * 250_000,
    "\0" * 1_000_000,
    "🔩" * 250_000,
    "ﷺ" * 250_000,
    "e\u0301" * 500_000,
    "\ud800 lone",
    "²³¹ ½ ٣٤ ④",
    "10 " * 300_000,
    "size " * 200_000,
    "2 pack of " * 100_000,
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_cost_no_more_than_others(text):
    strange = {"sku": text, "manufacturer": text, "part_number": text, "barcode": text}
    product = CatalogueProduct(1, text, price=Decimal("1e308"), attributes={text: text}, **strange)
    line = Line(1, text, price=Decimal("NaN"), characteristics={str(n): text for n in range(200)}, **strange)
    catalogue = Catalogue([product, *FILLERS])
    for found in match([line] * 50, catalogue, SCORER):
        assert 0 <= found.score <= 100
        assert all(len(reason.text) < 400 for each in found.candidates for reason in each.reasons)


TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(["AX-1200", "16GB", "2-pack", "black", "Corvell", "4", "m", "5", "XL", "lamp"])).map(
        " ".join
    ),
)
OPTIONAL = st.none() | TEXTS
PRICES = st.none() | st.decimals(allow_nan=True, allow_infinity=True)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, OPTIONAL, OPTIONAL, OPTIONAL, PRICES), min_size=1, max_size=8),
    st.lists(st.tuples(TEXTS, OPTIONAL, OPTIONAL, OPTIONAL, PRICES), min_size=1, max_size=8),
)
def test_any_list_and_any_catalogue(offered, had):
    catalogue = Catalogue(
        CatalogueProduct(n, name, manufacturer=maker, part_number=code, barcode=barcode, price=price)
        for n, (name, maker, code, barcode, price) in enumerate(had)
    )
    lines = [
        Line(n, name, manufacturer=maker, part_number=code, barcode=barcode, price=price)
        for n, (name, maker, code, barcode, price) in enumerate(offered, 1)
    ]
    found = match(lines, catalogue, SCORER)
    assert [each.number for each in found] == [line.number for line in lines]
    for each in found:
        assert 0 <= each.score <= 100
        assert each.status == ("linked" if each.score >= LINKED else "review" if each.score >= REVIEW else "draft")
        assert (each.product_id is not None) == (each.status == "linked")
        assert len(each.candidates) <= 5
        assert all(one.score >= other.score for one, other in pairwise(each.candidates))
        assert not (each.product_id is not None and each.candidates[0].vetoes)


def test_the_same_in_any_order_any_thread_and_any_process():
    catalogue = Catalogue([make_product(), *FILLERS])
    lines = [make_line(n, name=product.name, part_number=product.part_number) for n, product in enumerate(FILLERS)]
    expected = match(lines, catalogue, SCORER)
    assert sorted(match(lines[::-1], catalogue, SCORER), key=lambda each: each.number) == expected
    with ThreadPoolExecutor(4) as threads:
        assert all(found == expected for found in threads.map(lambda _: match(lines, catalogue, SCORER), range(8)))
    line = make_line(name="Corvell lamp black 16 GB 2 m")
    here = match_one(line, make_product(), make_product(2, part_number="AX-1300"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "42"}
    there = subprocess.run(
        [sys.executable, "-c", FINGERPRINT], env=environment, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == str(here)


def test_the_only_product_of_a_name_is_never_a_draft_however_ordinary_its_words():
    """In a small shop no word is rare."""
    names = ["Claw hammer", "Wood saw", "Smoke alarm", "Door lock", "Ball valve"]
    products = [CatalogueProduct(number, name, manufacturer="Bosvik") for number, name in enumerate(names)]
    lines = [Line(number, name, manufacturer="Bosvik") for number, name in enumerate(names)]
    reordered = [Line(9, "hammer, CLAW", manufacturer="Bosvik")]
    found = match([*lines, *reordered], Catalogue(products), SCORER)
    assert [each.status in ("review", "linked") for each in found] == [True] * 6
    assert [each.candidates[0].product_id for each in found] == [0, 1, 2, 3, 4, 0]


def test_a_name_of_common_words_is_found_among_hundreds_that_are_nearly_the_same():
    kinds = [f"{adjective} LED lamp {metal} {size} mm" for adjective in ("Heavy", "Light", "Classic", "Pro")
             for metal in ("steel", "copper", "brass", "zinc") for size in range(100, 600, 10)]  # fmt: skip
    catalogue = Catalogue([CatalogueProduct(number, name, manufacturer="Norri") for number, name in enumerate(kinds)])
    found = match([Line(number, name, manufacturer="Norri") for number, name in enumerate(kinds)], catalogue, SCORER)
    assert [each.candidates[0].product_id for each in found] == list(range(len(kinds)))
    assert {each.status for each in found} <= {"review", "linked"}
