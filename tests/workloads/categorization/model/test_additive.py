"""A model survives the way into the database and back, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence.manufacturer import Manufacturer
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.softmax import log_softmax
from daemon.workloads.categorization.model.storage import from_bytes, to_bytes
from daemon.workloads.categorization.taxonomy import Taxonomy
from tests.workloads.categorization.shop import TAXONOMY, learn_model, make_labelled, make_product


def test_bytes_give_the_same_model_back(model):
    again = from_bytes(to_bytes(model))
    products = [product for product, _ in make_labelled(50, seed=2)]
    assert to_bytes(again) == to_bytes(model)
    assert decide(again, TAXONOMY, products) == decide(model, TAXONOMY, products)


def test_an_untaught_model_survives_too():
    untaught = Model.untaught(TAXONOMY)
    assert from_bytes(to_bytes(untaught)).categories == untaught.categories


@pytest.mark.parametrize("text", ["", "\0", "a\0", "🔩", "\ud800", "\n"])
def test_any_text_survives(text):
    learned = learn_model([(make_product(n, attributes={"k": f"x{text}y"}), f"code{text}") for n in range(3)])
    again = from_bytes(to_bytes(learned))
    assert again.categories == (f"code{text}",)
    assert again.vocabulary.features == learned.vocabulary.features


@given(st.binary(max_size=300))
def test_garbage_is_refused(content):
    with pytest.raises(ValueError, match="model"):
        from_bytes(content)


@given(st.data())
def test_a_damaged_model_is_refused(model, data):
    content = bytearray(to_bytes(model))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="model"):
        from_bytes(bytes(content))
    with pytest.raises(ValueError, match="model"):
        from_bytes(to_bytes(model)[: data.draw(st.integers(0, len(content) - 1))])


def test_a_model_of_unknown_sources_is_refused(model):
    with pytest.raises(
        ValueError, match="attribute_names, attributes, description, name, name_letters, name_pairs, part_number"
    ):
        from_bytes(to_bytes(model), sources=[Manufacturer()])


def test_a_score_is_the_prior_and_the_sum_of_contributions(model):
    products = [product for product, _ in make_labelled(40, seed=3)]
    features = model.vocabulary.read(products)
    scores = []
    for position in range(len(model.categories)):
        added, _ = model.look_up(features, np.full(len(products), position))
        summed = np.bincount(features.rows, weights=added, minlength=len(products))
        prior = model.category_prior[position] + model.branch_prior[model.tree.branch_of[position]]
        scores.append(summed + prior)
    # One branch: its score is the same for all categories, and falls out of the probabilities.
    assert len(model.tree.branches) == 1
    assert log_softmax(np.stack(scores, axis=1)) == pytest.approx(model.weigh(features), abs=1e-4)


def test_untaught_knows_the_codes_in_order():
    assert Model.untaught(TAXONOMY).categories == ("bolts", "drills", "lamps", "paints", "saws")
    assert Model.untaught(Taxonomy()).categories == ()
