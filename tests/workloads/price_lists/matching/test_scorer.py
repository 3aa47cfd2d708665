"""The score is calibrated, teachable, and cannot be taught nonsense."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.matching.features import COLUMN, FEATURES, LEAD, NAMES
from daemon.workloads.price_lists.matching.scorer import HOLD, MOST_LEAD, Reviewed, as_score, shipped_scorer

SHIPPED = shipped_scorer()
VALUES = st.dictionaries(st.sampled_from(NAMES), st.floats(0, 4), max_size=8)
SHARES = st.dictionaries(st.sampled_from(NAMES[:-1]), st.floats(0, 1), max_size=8)
TEACH = """
from daemon.workloads.price_lists.matching.scorer import Reviewed, shipped_scorer
reviews = [Reviewed({"code_part": 1.0, "letters_alike": n / 50}, 1.0 if n % 3 else -1.0) for n in range(50)]
print(shipped_scorer().taught(reviews).weights.tolist())
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
    taught = SHIPPED.taught([Reviewed({"code_part": 1.0, "letters_alike": 1.0}, 1.0)] * 100)
    assert score_of(taught, code_part=1, letters_alike=1) > score_of(SHIPPED, code_part=1, letters_alike=1) + 0.4


@given(SHARES, SHARES, st.sampled_from([1.0, -1.0]))
def test_one_review_moves_no_pair_far(reviewed, values, answer):
    taught = SHIPPED.taught([Reviewed(reviewed, answer)])
    kinds = len(reviewed.keys() & values.keys())
    with_its_lead = 1 + SHIPPED.weights[LEAD]  # which moves along
    assert abs(score_of(taught, **values) - score_of(SHIPPED, **values)) <= with_its_lead * kinds / HOLD + 1e-6


def test_what_a_review_says_of_many_candidates_is_shared():
    other = {"code_part": 1.0, "letters_alike": 0.5}
    one = SHIPPED.taught([Reviewed(other, -1.0)])
    shared = SHIPPED.taught([Reviewed(other, -0.2)] * 5)
    assert shared.weights == pytest.approx(one.weights, abs=1e-6)


def test_what_no_review_speaks_of_stays():
    taught = SHIPPED.taught([Reviewed({"code_part": 1.0, "lead": 2.0}, -1.0)] * 30)
    still = [column for name, column in COLUMN.items() if name != "code_part"]
    assert taught.weights[still].tolist() == SHIPPED.weights[still].tolist()
    assert taught.offset == SHIPPED.offset


def test_no_review_turns_a_feature_round():
    taught = SHIPPED.taught([Reviewed({"barcode_same": 1.0}, -1.0), Reviewed({"colour_other": 1.0}, 1.0)] * 5000)
    for feature, weight in zip(FEATURES, taught.weights, strict=True):
        assert weight * feature.sign >= 0, feature.name


def test_no_reviews_teach_nothing():
    assert SHIPPED.taught([]) is SHIPPED


def test_strange_features_are_passed_over():
    strange = {"gone": 5.0, "code_same": float("nan"), "maker_same": float("inf"), "letters_alike": 1e300, "lead": -1e9}
    taught = SHIPPED.taught([Reviewed(strange, 1.0)])
    assert np.isfinite(taught.weights).all()


def test_the_same_reviews_teach_the_same_in_any_process():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    there = subprocess.run([sys.executable, "-c", TEACH], env=environment, capture_output=True, text=True, check=True)
    reviews = [Reviewed({"code_part": 1.0, "letters_alike": n / 50}, 1.0 if n % 3 else -1.0) for n in range(50)]
    assert there.stdout.strip() == str(SHIPPED.taught(reviews).weights.tolist())
