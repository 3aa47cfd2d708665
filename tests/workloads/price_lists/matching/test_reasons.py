"""Each reason is in a buyer's words, and weighs what it adds to the score."""

from decimal import Decimal

import numpy as np
import pytest

from daemon.workloads.price_lists.matching.features import NAMES
from daemon.workloads.price_lists.matching.scorer import as_score, shipped_scorer
from tests.workloads.price_lists.matching.goods import candidate_of, make_line, make_product, reason_of

TOLD = [
    ("barcode_same", "barcode 4006381333931 is the same", {"barcode": "4006381333931"}, {"barcode": "4006381333931"}),
    (
        "barcode_other",
        "other barcode: 4006381333931, not 4012345678901",
        {"barcode": "4006381333931"},
        {"barcode": "4012345678901"},
    ),
    ("code_same", "part number AX-1200 is the same", {}, {}),
    (
        "code_named",
        "part number AX-1200 stands on the other side too",
        {},
        {"name": "Corvell lamp AX-1200", "part_number": None},
    ),
    (
        "code_shared",
        "both names have the same part code",
        {"name": "Lamp QZ771", "part_number": None},
        {"name": "QZ-771 lamp"},
    ),
    ("code_part", "part number AX-1200B is like AX-1200, but not the same", {"part_number": "AX-1200B"}, {}),
    ("code_other", "other part number: AX-1200, not AX-1300", {}, {"part_number": "AX-1300"}),
    ("maker_same", "maker Corvell is the same", {}, {}),
    ("maker_alike", "makers are alike: Corvell, Corvell Lighting", {}, {"manufacturer": "Corvell Lighting"}),
    ("maker_named", "maker Corvell stands in the other name", {"manufacturer": None}, {}),
    ("maker_rival", "Corvell and Zambo are both named, but as makers they differ", {}, {"manufacturer": "Zambo"}),
    ("maker_other", "other maker: Corvell, not Zambo", {}, {"manufacturer": "Zambo", "name": "Zambo Aurora desk lamp"}),
    ("name", "the names agree to 100 %", {}, {}),
    ("line_only", "only the list says: foldable", {"name": "Corvell Aurora foldable desk lamp"}, {}),
    ("product_only", "only the catalogue says: foldable", {}, {"name": "Corvell Aurora foldable desk lamp"}),
    ("numbers_shared", "the same numbers: 7", {"name": "Corvell Aurora 7"}, {"name": "Corvell Aurora 7"}),
    ("numbers_other", "other numbers: 7, not 8", {"name": "Corvell Aurora 7"}, {"name": "Corvell Aurora 8"}),
    ("quantities_same", "measure is the same: 16 GB", {"name": "Aurora 16GB"}, {"name": "Aurora 16 GB"}),
    ("quantities_other", "other measure: 16 GB, not 32 GB", {"name": "Aurora 16GB"}, {"name": "Aurora 32 GB"}),
    ("quantities_same", "measure is the same: 20 m", {"name": "Aurora cable 20m"}, {"name": "Aurora cable 2000 cm"}),
    ("quantities_same", "measure is the same: 4k7", {"name": "Aurora 4k7"}, {"name": "Aurora 4700 Ohm"}),
    ("quantities_other", "other measure: 20 m, not 25 m", {"name": "Aurora 20 m"}, {"name": "Aurora 2500 cm"}),
    ("quantities_other", "other measure: 5 inch, not 200 mm", {"name": "Aurora 5 inch"}, {"name": "Aurora 20 cm"}),
    ("colour_same", "colour is the same: black", {"name": "Aurora schwarz"}, {"name": "Aurora black"}),
    ("colour_other", "other colour: black, not white", {"name": "Aurora schwarz"}, {"name": "Aurora white"}),
    ("condition_other", "only one of them is called refurbished", {}, {"name": "Corvell Aurora generalüberholt"}),
    ("size_same", "size is the same: xl", {"name": "Aurora XL"}, {"name": "Aurora size XL"}),
    ("size_other", "other size: m, not xl", {"name": "Aurora Gr. M"}, {"name": "Aurora size XL"}),
    ("pack_same", "number of pieces is the same: 4", {"name": "Aurora 4er Pack"}, {"name": "Aurora pack of 4"}),
    ("pack_other", "other number of pieces: 4, not 8", {"name": "Aurora 4er Pack"}, {"name": "Aurora pack of 8"}),
    ("pack_one_sided", "only one of them is told to be a pack: 4", {"name": "Aurora 4er Pack"}, {"name": "Aurora"}),
    ("price", "the price is about the same", {}, {}),
    ("price", "price 3.1 times the catalogue's", {"price": Decimal("62.00")}, {}),
    ("lead", "no other product is as good", {}, {}),
]


@pytest.mark.parametrize(
    ("kind", "text", "of_line", "of_product"), TOLD, ids=[f"{n}-{each[0]}" for n, each in enumerate(TOLD)]
)
def test_a_reason_is_told(kind, text, of_line, of_product):
    assert reason_of(make_line(**of_line), make_product(**of_product), kind).text == text


@pytest.mark.parametrize(
    ("kind", "text", "of_line", "of_product"), TOLD, ids=[f"{n}-{each[0]}" for n, each in enumerate(TOLD)]
)
def test_what_speaks_against_never_adds(kind, text, of_line, of_product):
    reason = reason_of(make_line(**of_line), make_product(**of_product), kind)
    if kind.endswith(("_other", "_only", "_rival", "_sided")):
        assert reason.weight <= 0
    elif kind != "price":
        assert reason.weight >= 0


def test_the_weights_add_up_to_the_score():
    candidate = candidate_of(make_line(name="Corvell Aurora lamp 2 m"), make_product(name="Aurora desk lamp 2 m"))
    log_odds = shipped_scorer().offset + sum(reason.weight for reason in candidate.reasons)
    assert not candidate.vetoes
    assert as_score(np.array([log_odds]))[0] == pytest.approx(candidate.score, abs=0.5)


def test_the_features_of_a_candidate_give_its_score():
    candidate = candidate_of(make_line(), make_product())
    scorer = shipped_scorer()
    values = np.array([candidate.features.get(name, 0.0) for name in NAMES])
    assert as_score(np.array([scorer.offset + values @ scorer.weights]))[0] == pytest.approx(candidate.score, abs=0.02)


def test_control_signs_of_a_list_reach_nobody():
    line = make_line(part_number="AX\x1b[2J-99", manufacturer="Cor\nvell")
    told = "".join(reason.text for reason in candidate_of(line, make_product()).reasons)
    assert told.isprintable()
