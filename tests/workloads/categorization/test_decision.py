"""Decisions: in range, explained, repeatable, and never an exception."""

import json
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.decision import (
    NO_CATEGORY,
    compute_score,
    decide,
    derive_level,
    fallback_signal,
    pick_category,
)
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.wording import VALUE_LENGTH, put_into_words
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.calibration import Calibration
from daemon.workloads.categorization.taxonomy import Category, Taxonomy
from tests.workloads.categorization.shop import TAXONOMY, learn_model, make_labelled, make_product

WORD = st.sampled_from(["hex", "bolt", "M8", "lamp", "E27", "16 mm", "Borer", "Lumina", "TD-310", "␀", "🔩", "\0"])
TEXT = st.none() | st.text(max_size=50) | st.lists(WORD, max_size=8).map(" ".join)
PRODUCT = st.builds(
    make_product,
    name=TEXT,
    manufacturer=TEXT,
    part_number=TEXT,
    description=TEXT,
    attributes=st.none() | st.integers() | st.lists(TEXT, max_size=3) | st.dictionaries(st.text(max_size=9), TEXT),
)


def check(decision):
    """What holds for every decision there can be."""
    assert 10 <= decision.confidence <= 100
    assert decision.confidence == round(decision.confidence, 2)
    assert decision.level == derive_level(decision.confidence, 90.0)
    assert decision.evidence
    for reason in decision.evidence:
        assert 0 <= reason.weight <= 1
        assert reason.weight == round(reason.weight, 3)
        assert reason.value
        assert len(reason.value) <= VALUE_LENGTH
        assert reason.value.isprintable()
    weights = [reason.weight for reason in decision.evidence]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) <= 1.01
    types = [reason.source_type for reason in decision.evidence]
    assert len(set(types)) == len(types)


@given(st.lists(PRODUCT, max_size=6))
def test_any_product_is_decided(model, products):
    decisions = decide(model, TAXONOMY, products)
    assert len(decisions) == len(products)
    for decision in decisions:
        check(decision)
        assert decision.category_code in TAXONOMY


@given(st.lists(PRODUCT, max_size=6))
def test_a_product_is_decided_the_same_alone_and_in_company(model, products):
    assert decide(model, TAXONOMY, products) == [decide(model, TAXONOMY, [product])[0] for product in products]


@given(PRODUCT, st.randoms(use_true_random=False))
def test_the_order_of_what_is_seen_does_not_matter(model, product, random):
    words = (product.name or "").split()
    attributes = list(product.attributes.items()) if isinstance(product.attributes, dict) else []
    random.shuffle(words)
    random.shuffle(attributes)
    one = make_product(name=" ".join(sorted(words)), attributes=dict(sorted(attributes)))
    other = make_product(name=" ".join(words), attributes=dict(attributes))
    assert decide(model, TAXONOMY, [one]) == decide(model, TAXONOMY, [other])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        dict.fromkeys(("sku", "name", "manufacturer", "part_number", "description", "attributes"), ""),
        dict.fromkeys(("sku", "name", "manufacturer", "part_number", "description"), "\N{SYMBOL FOR NULL}\0\ud800🔩"),
        {"name": "bolt " * 20_000},
        {"name": "x" * 100_000, "description": "1" * 100_000, "part_number": "A-" * 50_000, "manufacturer": " " * 9999},
        {"attributes": {f"key {n}": "v " * 1000 for n in range(1000)}},
        {"attributes": json.loads("[" * 900 + "]" * 900)},
        {"attributes": [1, None, True, {"a": [float("nan"), 10**400]}]},
        {"attributes": 3.5},
    ],
)
def test_a_hostile_product_is_decided_in_time(model, fields):
    product = make_product(**fields)
    durations = []
    for _ in range(3):
        started = perf_counter()
        (decision,) = decide(model, TAXONOMY, [product])
        durations.append(perf_counter() - started)
    check(decision)
    assert min(durations) < 0.05


def test_a_slice_of_hostile_products_does_not_disturb_its_neighbours(model):
    good = [product for product, _ in make_labelled(5, seed=4)]
    bad = make_product(name="\ud800" * 1000, attributes=[[[[[]]]]])
    mixed = decide(model, TAXONOMY, [bad, *good, bad])
    assert mixed[1:-1] == decide(model, TAXONOMY, good)


def test_evidence_names_what_spoke(model):
    (decision,) = decide(model, TAXONOMY, [make_product(name="LED lamp", attributes={"Socket": "E27"})])
    assert (decision.category_code, decision.category_label) == ("lamps", "Lamps")
    values = {reason.source_type: reason.value for reason in decision.evidence}
    assert "socket = e27" in values["attributes"]
    assert "“lamp”" in values["name"]
    assert sum(reason.weight for reason in decision.evidence) == pytest.approx(1, abs=0.01)


def test_many_features_that_say_little_each_are_evidence_too():
    words = {code: " ".join(f"{code}{n:x}x" for n in range(60)) for code in ("aa", "bb")}
    learned = learn_model((make_product(n, description=words[code]), code) for n in range(40) for code in words)
    for code, description in words.items():
        (decision,) = decide(learned, TAXONOMY, [make_product(description=description)])
        assert decision.category_code == code
        assert [reason.source_type for reason in decision.evidence] == ["description"]


def test_the_strongest_features_stand_first(model):
    product = next(product for product, code in make_labelled(5, seed=8) if code == "lamps")
    features = model.vocabulary.read([product])
    (decision,) = decide(model, TAXONOMY, [product])
    added = model.narrow(features).contributions(np.array([model.categories.index(decision.category_code)]))
    names = [model.vocabulary.features[column] for column in features.matrix.indices]
    for source in model.vocabulary.sources:
        of_source = features.sources == model.vocabulary.sources.index(source)
        strongest = names[int(np.argmax(np.where(of_source, added, -np.inf)))]
        for reason in decision.evidence:
            if reason.source_type == source.name:
                assert reason.value.startswith(source.describe(strongest, product.manufacturer))


def test_a_repeated_word_counts_once(model):
    once, often = make_product(name="hex lamp"), make_product(name="lamp hex hex hex")
    assert decide(model, TAXONOMY, [once]) == decide(model, TAXONOMY, [often])
    assert model.vocabulary.read([often]).matrix.nnz == 2


def test_a_product_of_which_nothing_is_known_gets_the_fallback(model):
    (decision,) = decide(model, TAXONOMY, [make_product(name="zzz")])
    assert decision == fallback_signal(decision.category_code, TAXONOMY)
    assert (decision.confidence, decision.level) == (10.0, "low")


def test_an_untaught_model_gives_fallback_answers():
    (decision,) = decide(Model.untaught(TAXONOMY), TAXONOMY, [make_product(name="LED lamp")])
    assert decision == fallback_signal("bolts", TAXONOMY)
    assert [reason.source_type for reason in decision.evidence] == ["fallback"]


def test_a_shop_without_categories_gets_an_answer_without_one():
    (decision,) = decide(Model.untaught(Taxonomy()), Taxonomy(), [make_product(name="LED lamp")])
    assert (decision.category_code, decision.level) == (NO_CATEGORY, "low")


def test_no_products_no_decisions(model):
    assert decide(model, TAXONOMY, []) == []


def test_the_label_falls_back_to_the_code(model):
    unlabelled = Taxonomy([Category("lamps", "", "")])
    decisions = decide(model, unlabelled, [make_product(name="LED lamp"), make_product(name="hex bolt")])
    assert [decision.category_label for decision in decisions] == ["lamps", "bolts"]


def test_the_threshold_divides_high_from_medium(model):
    product = next(product for product, _ in make_labelled(1, seed=5))
    (decision,) = decide(model, TAXONOMY, [product], threshold=100.0)
    assert decision.confidence > 90
    assert decision.level == "medium"


@pytest.mark.parametrize(
    ("score", "threshold", "level"),
    [
        (100, 90, "high"), (90, 90, "high"), (89.99, 90, "medium"), (60, 90, "medium"), (59.99, 90, "low"),
        (10, 90, "low"), (75, 75, "high"), (50, 75, "medium"), (49.99, 75, "low"), (10, 10, "high"),
    ],
)  # fmt: skip
def test_levels(score, threshold, level):
    assert derive_level(score, threshold) == level


def test_of_equal_categories_the_first_is_picked():
    assert pick_category(np.array([[1, 3, 3], [2, 2, 2]], dtype=np.float32)).tolist() == [1, 0]


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=9))
def test_scores_are_confidences_in_range(row):
    scores = np.array([row], dtype=np.float32)
    (confidence,) = compute_score(scores, pick_category(scores), Calibration(ceiling=1.0)).tolist()
    assert 10 <= confidence <= 100
    assert confidence >= round(100 / len(row), 2) - 0.01


def test_more_evidence_gives_a_higher_score():
    scores = np.array([[0, 0], [1, 0], [2, 0], [9, 0]], dtype=np.float32)
    confidences = compute_score(scores, np.zeros(4, dtype=np.intp), Calibration(ceiling=1.0)).tolist()
    assert confidences == [50.0, 73.11, 88.08, 99.99]


def test_evidence_is_printable_and_short():
    value = put_into_words(NameWords(), ["a\0b\ud800", "🔩" * 40, "c" * 300], None)
    assert value.startswith("“a b ”; “🔩")
    assert len(value) == VALUE_LENGTH


def test_fast_enough_for_a_slice(model):
    products = [product for product, _ in make_labelled(500, seed=6)]
    durations = []
    for _ in range(3):
        started = perf_counter()
        decide(model, TAXONOMY, products)
        durations.append(perf_counter() - started)
    assert min(durations) < 0.25, "2,000 products/s is far below any machine's ability"


def test_two_models_do_not_share_state():
    one, other = (
        learn_model(make_labelled(200, kinds=("bolts", "saws"))),
        learn_model(make_labelled(200, kinds=("lamps", "saws"))),
    )
    product = make_product(name="hex bolt")
    before = decide(one, TAXONOMY, [product])
    decide(other, TAXONOMY, [product])
    assert decide(one, TAXONOMY, [product]) == before
