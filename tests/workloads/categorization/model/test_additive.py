"""A model survives the way into the database and back, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence.manufacturer import Manufacturer
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.taxonomy import Taxonomy
from tests.workloads.categorization.shop import TAXONOMY, learn_model, make_labelled, make_product


def test_bytes_give_the_same_model_back(model):
    again = Model.from_bytes(model.to_bytes())
    products = [product for product, _ in make_labelled(50, seed=2)]
    assert again.to_bytes() == model.to_bytes()
    assert decide(again, TAXONOMY, products) == decide(model, TAXONOMY, products)


def test_an_untaught_model_survives_too():
    untaught = Model.untaught(TAXONOMY)
    assert Model.from_bytes(untaught.to_bytes()).categories == untaught.categories


@pytest.mark.parametrize("text", ["", "\0", "a\0", "🔩", "\ud800", "\n"])
def test_any_text_survives(text):
    learned = learn_model([(make_product(n, attributes={"k": f"x{text}y"}), f"code{text}") for n in range(3)])
    again = Model.from_bytes(learned.to_bytes())
    assert again.categories == (f"code{text}",)
    assert again.vocabulary.features == learned.vocabulary.features


@given(st.binary(max_size=300))
def test_garbage_is_refused(content):
    with pytest.raises(ValueError, match="model"):
        Model.from_bytes(content)


@given(st.data())
def test_a_damaged_model_is_refused(model, data):
    content = bytearray(model.to_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="model"):
        Model.from_bytes(bytes(content))
    with pytest.raises(ValueError, match="model"):
        Model.from_bytes(model.to_bytes()[: data.draw(st.integers(0, len(content) - 1))])


def test_a_model_of_unknown_sources_is_refused(model):
    with pytest.raises(ValueError, match="attributes, description, name, part_number"):
        Model.from_bytes(model.to_bytes(), sources=[Manufacturer()])


def test_a_score_is_the_prior_and_the_sum_of_contributions(model):
    products = [product for product, _ in make_labelled(40, seed=3)]
    features = model.vocabulary.read(products)
    narrow = model.narrow(features)
    scores = narrow.score()
    for position in range(len(model.categories)):
        picked = np.full(len(products), position)
        summed = np.bincount(features.rows, weights=narrow.contributions(picked), minlength=len(products))
        assert summed + model.prior[position] == pytest.approx(scores[:, position], abs=1e-5)


def test_untaught_knows_the_codes_in_order():
    assert Model.untaught(TAXONOMY).categories == ("bolts", "drills", "lamps", "paints", "saws")
    assert Model.untaught(Taxonomy()).categories == ()
