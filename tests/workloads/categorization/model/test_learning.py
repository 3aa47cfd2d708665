"""Learning: what is right, repeatable, and possible with next to nothing."""

import hashlib
import os
import subprocess
import sys

import pytest

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.model.examples import read_examples
from daemon.workloads.categorization.model.learning import HELD_OUT, NothingToLearn, learn
from tests.workloads.categorization.shop import TAXONOMY, learn_model, make_labelled, make_product

FINGERPRINT = """
import hashlib
from tests.workloads.categorization.shop import learn_model, make_labelled
print(hashlib.sha256(learn_model(make_labelled(1000)).to_bytes()).hexdigest())
"""


def decide_codes(model, products):
    return [decision.category_code for decision in decide(model, TAXONOMY, products)]


def test_new_products_are_recognised(model):
    products, codes = zip(*make_labelled(200, seed=9), strict=True)
    assert decide_codes(model, products) == list(codes)


@pytest.mark.parametrize("field", ["name", "manufacturer", "part_number", "description", "attributes"])
def test_new_products_without_one_field_are_recognised(model, field):
    products, codes = zip(*make_labelled(200, seed=9), strict=True)
    without = [make_product(**{name: getattr(p, name) for name in p.__slots__ if name != field}) for p in products]
    assert decide_codes(model, without) == list(codes)


def test_the_confidence_of_a_large_shop_reaches_high_and_of_a_tiny_one_does_not(model):
    products = [product for product, _ in make_labelled(50, seed=9)]
    assert {decision.level for decision in decide(model, TAXONOMY, products)} == {"high"}
    assert "high" not in {decision.level for decision in decide(learn_model(make_labelled(50)), TAXONOMY, products)}


def test_the_same_products_give_the_same_bytes_in_any_process(model):
    here = hashlib.sha256(model.to_bytes()).hexdigest()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "42"}
    there = subprocess.run(
        [sys.executable, "-c", FINGERPRINT], env=environment, capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == here


def test_nothing_to_learn_is_said():
    with pytest.raises(NothingToLearn, match="no product"):
        learn([])


def test_one_product_is_enough():
    product = make_product(name="Hex bolt M8")
    learned = learn_model([(product, "bolts")])
    assert learned.categories == ("bolts",)
    assert decide_codes(learned, [product, make_product()]) == ["bolts", "bolts"]


def test_empty_products_can_be_learned_from():
    learned = learn_model([(make_product(n), "ab"[n % 2]) for n in range(30)])
    assert decide_codes(learned, [make_product()]) == ["a"]


def test_a_shop_of_one_category_suggests_it_without_claiming_to_know():
    learned = learn_model(make_labelled(300, kinds=("bolts",)))
    (decision,) = decide(learned, TAXONOMY, [product for product, _ in make_labelled(1, kinds=("bolts",))])
    assert (decision.category_code, decision.level) == ("bolts", "low")


@pytest.mark.parametrize("off", SOURCES, ids=lambda source: source.name)
def test_a_source_can_be_switched_off(off):
    learned = learn_model(make_labelled(300), sources=[source for source in SOURCES if source is not off])
    products, codes = zip(*make_labelled(100, seed=9), strict=True)
    decisions = decide(learned, TAXONOMY, products)
    assert [decision.category_code for decision in decisions] == list(codes)
    assert off.name not in {reason.source_type for decision in decisions for reason in decision.evidence}


def test_what_only_the_held_out_products_say_is_learned_too():
    folds = read_examples([(make_product(n), "a") for n in range(100)], SOURCES).folds
    said = {code: [f"{code}word" if fold == HELD_OUT else "other" for fold in folds] for code in ("aa", "bb")}
    learned = learn_model((make_product(n, name=said[code][n]), code) for n in range(100) for code in said)
    assert decide_codes(learned, [make_product(name="aaword"), make_product(name="bbword")]) == ["aa", "bb"]


def test_one_source_alone_works_too():
    learned = learn_model(make_labelled(300), sources=[NameWords()])
    (decision,) = decide(learned, TAXONOMY, [make_product(name="Wall paint")])
    assert decision.category_code == "paints"
    assert [(reason.source_type, reason.weight) for reason in decision.evidence] == [("name", 1.0)]


def test_the_rarest_features_give_way_when_the_table_is_full(monkeypatch):
    monkeypatch.setattr("daemon.workloads.categorization.model.examples.LARGEST_TABLE", 2 * 30)
    learned = learn_model(make_labelled(300, kinds=("lamps", "saws")))
    products, codes = zip(*make_labelled(100, kinds=("lamps", "saws"), seed=9), strict=True)
    assert 0 < len(learned.vocabulary) <= 30
    assert decide_codes(learned, products) == list(codes)
