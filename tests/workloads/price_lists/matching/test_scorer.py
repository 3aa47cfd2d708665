"""The score is calibrated, teachable, and cannot be taught nonsense."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.matching.features import COLUMN, FEATURES, LEAD, NAMES
from daemon.workloads.price_lists.matching.scorer import MOST_LEAD, Reviewed, Scorer, as_score, shipped_scorer

SHIPPED = shipped_scorer()
VALUES = st.dictionaries(st.sampled_from(NAMES), st.floats(0, 4), max_size=8)
TEACH = """
from daemon.workloads.price_lists.matching.scorer import Reviewed, shipped_scorer
reviews = [Reviewed({"code_part": 1.0, "letters_alike": n / 50}, n % 3 > 0) for n in range(50)]
print(shipped_scorer().taught(reviews).to_bytes().decode())
"""


def score_of(scorer, **features):
    values = np.zeros((1, len(NAMES)))
    for name, value in features.items():
        values[0, COLUMN[name]] = value
    return scorer.score(values, np.zeros(1, dtype=np.intp))[0]


def test_each_weight_has_its_feature_s_sign():
    for feature, weight in zip(FEATURES, SHIPPED.weights, strict=True):
        assert weight * feature.sign >= 0, feature.name


@given(VALUES, st.sampled_from(FEATURES))
def test_more_of_a_feature_never_turns_the_score_round(values, feature):
    if feature.name == "lead":
        return
    before = score_of(SHIPPED, **values)
    more = score_of(SHIPPED, **{**values, feature.name: values.get(feature.name, 0) + 1})
    assert (more - before) * feature.sign >= -1e-9


def test_the_lead_is_over_the_best_other():
    values = np.zeros((4, len(NAMES)))
    values[:3, COLUMN["words_shared"]] = [3.0, 2.0, 2.5]
    values[3, COLUMN["code_same"]] = 1
    SHIPPED.score(values, np.array([0, 0, 0, 1]))
    weight = SHIPPED.weights[COLUMN["words_shared"]]
    assert values[:3, LEAD] == pytest.approx(np.array([0.5, -1.0, -0.5]) * weight)
    assert values[3, LEAD] == MOST_LEAD


def test_two_as_good_as_each_other_have_no_lead():
    values = np.zeros((2, len(NAMES)))
    values[:, COLUMN["code_same"]] = 1
    SHIPPED.score(values, np.array([0, 0]))
    assert values[:, LEAD].tolist() == [0, 0]


def test_scores_are_from_0_to_100():
    assert as_score(np.array([-1e300, 0.0, 1e300])).tolist() == [0, 50, 100]


def test_reviews_teach():
    reviews = [Reviewed({"code_part": 1.0, "letters_alike": 1.0}, True)] * 20
    taught = SHIPPED.taught(reviews)
    assert taught.reviews == 20
    assert score_of(taught, code_part=1, letters_alike=1) > score_of(SHIPPED, code_part=1, letters_alike=1) + 0.5


def test_a_few_reviews_change_little():
    taught = SHIPPED.taught([Reviewed({"code_same": 1.0, "maker_same": 1.0, "letters_alike": 1.0}, False)])
    assert np.abs(taught.weights - SHIPPED.weights).max() < 0.4


def test_what_no_review_speaks_of_stays():
    taught = SHIPPED.taught([Reviewed({"code_part": 1.0}, False)] * 30)
    still = [column for name, column in COLUMN.items() if name != "code_part"]
    assert np.abs(taught.weights - SHIPPED.weights)[still].max() < 1e-3


def test_no_review_turns_a_feature_round():
    taught = SHIPPED.taught([Reviewed({"barcode_same": 1.0}, False), Reviewed({"colour_other": 1.0}, True)] * 500)
    for feature, weight in zip(FEATURES, taught.weights, strict=True):
        assert weight * feature.sign >= 0, feature.name


def test_no_reviews_teach_nothing():
    assert SHIPPED.taught([]) is SHIPPED


def test_strange_features_are_passed_over():
    strange = {"gone": 5.0, "code_same": float("nan"), "maker_same": float("inf"), "letters_alike": 1e300, "lead": -1e9}
    taught = SHIPPED.taught([Reviewed(strange, True)])
    assert np.isfinite(taught.weights).all()


def test_the_same_reviews_teach_the_same_in_any_process():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    there = subprocess.run([sys.executable, "-c", TEACH], env=environment, capture_output=True, text=True, check=True)
    reviews = [Reviewed({"code_part": 1.0, "letters_alike": n / 50}, n % 3 > 0) for n in range(50)]
    assert there.stdout.strip() == SHIPPED.taught(reviews).to_bytes().decode()


def test_bytes_give_the_same_scorer_back():
    taught = SHIPPED.taught([Reviewed({"code_part": 1.0}, True)])
    again = Scorer.from_bytes(taught.to_bytes())
    assert again.to_bytes() == taught.to_bytes()
    assert again.weights.tolist() == taught.weights.tolist()


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_garbage_is_refused(content):
    with pytest.raises(ValueError, match="no weights"):
        Scorer.from_bytes(content)


@pytest.mark.parametrize(
    ("name", "value"), [("barcode_same", -1.0), ("colour_other", 0.5), ("lead", float("inf")), ("lead", "much")]
)
def test_weights_that_cannot_be_are_refused(name, value):
    content = json.loads(SHIPPED.to_bytes())
    content["weights"][name] = value
    with pytest.raises(ValueError, match="no weights"):
        Scorer.from_bytes(json.dumps(content).encode())
