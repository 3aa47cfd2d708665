"""Learning: what is right, repeatable, and possible with next to nothing."""

import hashlib
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.model.examples import read_examples
from daemon.workloads.categorization.model.learning import NothingToLearn, learn
from daemon.workloads.categorization.model.storage import to_bytes
from daemon.workloads.categorization.taxonomy import Category, Taxonomy
from tests.workloads.categorization.shop import KINDS, TAXONOMY, learn_model, make_labelled, make_product

FINGERPRINT = """
import hashlib
from daemon.workloads.categorization.model.storage import to_bytes
from tests.workloads.categorization.shop import learn_model, make_labelled
print(hashlib.sha256(to_bytes(learn_model(make_labelled(1000)))).hexdigest())
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
    assert "high" not in {decision.level for decision in decide(learn_model(make_labelled(7)), TAXONOMY, products)}


def test_the_same_products_give_the_same_bytes_in_any_process(model):
    here = hashlib.sha256(to_bytes(model)).hexdigest()
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
    folds = read_examples([(make_product(n), "a") for n in range(100)], SOURCES, TAXONOMY).folds
    said = {code: [f"{code}word" if fold == 0 else "other" for fold in folds] for code in ("aa", "bb")}
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


def test_a_small_shop_is_judged_as_a_whole_and_each_product_by_a_twin_that_had_not_seen_it():
    lesson = learn(make_labelled(300), taxonomy=TAXONOMY)
    judged = {found.product_id: found for found in lesson.judged}
    assert len(judged) == len(lesson.judged) >= 250  # but for the categories kept from each twin
    assert np.mean([found.truth == found.category_code for found in lesson.judged]) > 0.95
    chance = random.Random(3)
    memorised = [(make_product(n, manufacturer=f"maker {n}"), chance.choice("ab")) for n in range(200)]
    lesson = learn(memorised)  # nothing that one product says is said by another
    assert np.mean([found.truth == found.category_code for found in lesson.judged]) < 0.7
    assert max(found.confidence for found in lesson.judged) < 90
    assert {found.unknown_share for found in lesson.judged} == {1.0}


def test_a_large_shop_has_a_tenth_judged_by_one_twin(monkeypatch):
    monkeypatch.setattr("daemon.workloads.categorization.model.learning.ENOUGH", 500)
    lesson = learn(make_labelled(500), taxonomy=TAXONOMY)
    again = learn(make_labelled(550, seed=7), taxonomy=TAXONOMY)
    here, there = ({found.product_id for found in taught.judged} for taught in (lesson, again))
    assert 20 <= len(here) <= 80
    assert here <= there, "which products are judged follows from their ids"


def test_paths_make_branches_and_what_is_learned_within_them_is_as_good():
    nested = Taxonomy(
        [
            Category(code, code.title(), f"{'Tools' if code in ('drills', 'saws') else 'Supplies'} > {code.title()}")
            for code in KINDS
        ]
    )
    learned = learn(make_labelled(300), taxonomy=nested).model
    assert learned.tree.branches == ("Supplies", "Tools")
    products, codes = zip(*make_labelled(100, seed=9), strict=True)
    assert decide_codes(learned, products) == list(codes)


def test_a_product_unlike_all_that_was_learned_is_not_believed_in():
    kinds = {f"k{n}": [f"{w}{n:x}x" for w in ("alpha", "beta", "gamma", "delta")] for n in range(24)}
    chance = random.Random(4)

    def made(id, kind, extra):
        words = chance.sample(kinds[kind], 3) if kind in kinds else []
        return make_product(id, name=" ".join([*words, *extra]), description="new and boxed")

    labelled = [(made(n, f"k{n % 24}", ["set"]), f"k{n % 24}") for n in range(1200)]
    learned = learn_model(labelled)
    known = decide(learned, TAXONOMY, [made(1, f"k{n}", ["set"]) for n in range(24)])
    strange = decide(
        learned, TAXONOMY, [made(1, "", ["set", kinds[f"k{n}"][0], f"zz{n}y", f"qq{n}w", f"vv{n}u"]) for n in range(24)]
    )
    assert min(decision.confidence for decision in known) > 90
    assert max(decision.confidence for decision in strange) < 90
    assert {"fallback_signal"} <= {reason.source_type for decision in strange for reason in decision.evidence}
