"""Decisions: in range, explained, repeatable, and never an exception."""

import json
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.decision import (
    NO_CATEGORY,
    as_confidence,
    decide,
    derive_level,
)
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.evidence.wording import VALUE_LENGTH, put_into_words
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.learning import learn
from daemon.workloads.categorization.taxonomy import Category, Taxonomy
from tests.workloads.categorization.shop import KINDS, TAXONOMY, learn_model, make_labelled, make_product

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
        assert (-1 if reason.source_type == "runner_up" else 0) <= reason.weight <= 1
        assert reason.weight == round(reason.weight, 3)
        assert reason.value
        assert len(reason.value) <= VALUE_LENGTH
        assert reason.value.isprintable()
    weights = [reason.weight for reason in decision.evidence if reason.weight > 0]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) <= 1.01
    types = [reason.source_type for reason in decision.evidence]
    assert len(set(types)) == len(types)
    assert decision.confidence + sum(found.probability for found in decision.alternatives) <= 100.02
    assert all(found.probability <= decision.confidence + 0.01 for found in decision.alternatives)
    assert decision.category_code not in {found.category_code for found in decision.alternatives}
    assert 0 <= decision.unknown_share <= 1


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
def test_the_order_of_evidence_does_not_matter(model, product, random):
    """But for the name, where words that stand together are evidence too."""
    words = (product.description or "").split()
    attributes = list(product.attributes.items()) if isinstance(product.attributes, dict) else []
    random.shuffle(words)
    random.shuffle(attributes)
    one = make_product(name=product.name, description=" ".join(sorted(words)), attributes=dict(sorted(attributes)))
    other = make_product(name=product.name, description=" ".join(words), attributes=dict(attributes))
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
    added, _ = model.look_up(features, np.array([model.position_of[decision.category_code]]))
    names = [model.vocabulary.features[column] for column in features.matrix.indices]
    for source in model.vocabulary.sources:
        of_source = features.sources == model.vocabulary.sources.index(source)
        strongest = names[int(np.argmax(np.where(of_source, added, -np.inf)))]
        for reason in decision.evidence:
            if reason.source_type == source.name:
                assert reason.value.startswith(source.describe(strongest, product.manufacturer))


def test_a_repeated_word_counts_once(model):
    once, often = make_product(description="hex lamp"), make_product(description="lamp hex hex hex")
    assert decide(model, TAXONOMY, [once]) == decide(model, TAXONOMY, [often])


def test_a_product_of_which_nothing_is_known_gets_the_fallback(model):
    (decision,) = decide(model, TAXONOMY, [make_product(name="␀␀␀")])
    assert (decision.confidence, decision.level, decision.unknown_share) == (10.0, "low", 1.0)
    assert [reason.source_type for reason in decision.evidence] == ["fallback_signal"]


def test_an_untaught_model_gives_fallback_answers():
    (decision,) = decide(Model.untaught(TAXONOMY), TAXONOMY, [make_product(name="LED lamp")])
    assert (decision.category_code, decision.confidence) == ("bolts", 10.0)
    assert [reason.source_type for reason in decision.evidence] == ["fallback_signal"]


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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9).map(sorted))
def test_probabilities_are_confidences_in_range_and_order(probabilities):
    confidences = as_confidence(np.array(probabilities)).tolist()
    assert all(10 <= confidence <= 100 for confidence in confidences)
    assert confidences == sorted(confidences)


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


def signal(code, amount, row=0, **texts):
    return Signal(row, code, amount, **{"source_type": "rule", "source_label": "Rule", "value": "rule 1", **texts})


def test_a_signal_turns_a_decision_and_is_its_evidence(model):
    product = make_product(name="LED lamp", attributes={"Socket": "E27"})
    (before,) = decide(model, TAXONOMY, [product])
    (after,) = decide(model, TAXONOMY, [product], signals=[signal("saws", 20)])
    assert (before.category_code, after.category_code) == ("lamps", "saws")
    assert after.confidence > 90
    assert after.evidence[0][:3] == ("rule", "Rule", "rule 1")
    assert after.evidence[0].weight > 0.5


def test_a_signal_against_a_category_lets_another_win_and_says_so(model):
    product = make_product(name="LED lamp", attributes={"Socket": "E27"})
    (after,) = decide(model, TAXONOMY, [product], signals=[signal("lamps", -30)])
    assert after.category_code != "lamps"
    assert after.confidence < 90
    assert "not Lamps: rule 1" in {reason.value for reason in after.evidence}


def test_a_signal_against_a_category_lets_one_of_another_branch_win():
    nested = Taxonomy([Category(code, code, f"Branch of {code} > {code}") for code in KINDS])  # one for each
    learned = learn(make_labelled(600), taxonomy=nested).model
    products = [product for product, _ in make_labelled(20, seed=5)]
    before = [decision.category_code for decision in decide(learned, nested, products)]
    against = [signal(code, -40, row=row) for row, code in enumerate(before)]
    after = [decision.category_code for decision in decide(learned, nested, products, signals=against)]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_a_signal_is_for_its_product_alone(model):
    products = [product for product, _ in make_labelled(6, seed=5)]
    decisions = decide(model, TAXONOMY, products, signals=[signal("saws", 20, row=2)])
    assert decisions[2].category_code == "saws"
    assert [decisions[n] for n in (0, 1, 3, 4, 5)] == [decide(model, TAXONOMY, products)[n] for n in (0, 1, 3, 4, 5)]


@given(PRODUCT, st.floats(0, 30), st.floats(0, 30))
def test_more_agreeing_evidence_never_lowers_the_confidence(model, product, one, other):
    (alone,) = decide(model, TAXONOMY, [product])
    code = alone.category_code
    confidences = [
        decide(model, TAXONOMY, [product], signals=[signal(code, amount)])[0].confidence
        for amount in sorted((one, other))
    ]
    assert alone.confidence <= confidences[0] + 0.01
    assert confidences[0] <= confidences[1] + 0.01


def test_the_order_of_signals_does_not_matter(model):
    product = make_product(name="LED lamp")
    signals = [signal("saws", 4), signal("lamps", -2), signal("saws", 3), signal("drills", 5)]
    forth, back = (decide(model, TAXONOMY, [product], signals=order) for order in (signals, signals[::-1]))
    assert forth[0].confidence == back[0].confidence
    assert {*forth[0].evidence} == {*back[0].evidence}


def test_a_category_that_was_never_learned_can_be_suggested_by_a_signal():
    learned = learn_model(make_labelled(300, kinds=("lamps", "saws")))
    product = make_product(name="LED lamp")
    (decision,) = decide(learned, TAXONOMY, [product], signals=[signal("paints", 20)])
    assert (decision.category_code, decision.category_label) == ("paints", "Paints")
    assert decide(learned, TAXONOMY, [product], signals=[signal("nowhere", 20)]) == decide(learned, TAXONOMY, [product])


def test_a_signal_speaks_where_nothing_was_learned():
    (decision,) = decide(Model.untaught(TAXONOMY), TAXONOMY, [make_product(name="x")], signals=[signal("saws", 20)])
    assert (decision.category_code, decision.level) == ("saws", "high")


def test_a_silent_source_is_not_heard(model):
    products = [product for product, _ in make_labelled(20, seed=5)]
    decisions = decide(model, TAXONOMY, products, silent=frozenset({"name", "name_letters", "name_pairs"}))
    without = [make_product(**{name: getattr(p, name) for name in p.__slots__ if name != "name"}) for p in products]
    assert decisions == decide(model, TAXONOMY, without)


def test_the_alternatives_and_what_speaks_for_the_runner_up_are_named(model):
    product = make_product(name="Borer drill saw", manufacturer="Borer", description="Hand saw")
    (decision,) = decide(model, TAXONOMY, [product])
    codes = {decision.category_code, *(found.category_code for found in decision.alternatives)}
    assert {"drills", "saws"} <= codes
    assert decision.alternatives[0].probability >= decision.alternatives[-1].probability
    runner_up = next(reason for reason in decision.evidence if reason.source_type == "runner_up")
    assert runner_up.weight < 0
    assert runner_up.value.startswith(TAXONOMY.label_of(decision.alternatives[0].category_code))


def test_a_branch_that_is_sure_is_said_where_the_category_in_it_is_not():
    nested = Taxonomy(
        [Category(code, code, f"{'Cutting' if code in ('drills', 'saws') else 'Other'} > {code}") for code in KINDS]
    )
    learned = learn(make_labelled(600), taxonomy=nested).model
    (decision,) = decide(learned, nested, [make_product(name="Borer", manufacturer="Borer")])
    assert decision.confidence < 90
    assert any(
        reason.source_type == "branch" and reason.value.startswith("Cutting: sure") for reason in decision.evidence
    )


def test_two_models_do_not_share_state():
    one, other = (
        learn_model(make_labelled(200, kinds=("bolts", "saws"))),
        learn_model(make_labelled(200, kinds=("lamps", "saws"))),
    )
    product = make_product(name="hex bolt")
    before = decide(one, TAXONOMY, [product])
    decide(other, TAXONOMY, [product])
    assert decide(one, TAXONOMY, [product]) == before
