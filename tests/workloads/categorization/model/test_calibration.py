"""Confidence means what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.model.calibration import UNKNOWN_SHARE, Calibration, Signs

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=50)


def signs(probabilities, familiarity=None, support=10):
    """Signs of two sources, of which the second sees nothing."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    number = len(probabilities)
    seen = np.ones(number) if familiarity is None else np.asarray(familiarity, dtype=np.float64)
    return Signs(
        probabilities,
        np.column_stack([seen, np.zeros(number)]),
        np.column_stack([np.ones(number, dtype=bool), np.zeros(number, dtype=bool)]),
        np.full(number, support),
    )


def fit(found, right, is_known=None):
    right = np.asarray(right, dtype=bool)
    return Calibration.fit(found, right, np.ones(len(right), dtype=bool) if is_known is None else is_known)


@given(SHARES, st.data())
def test_calibrated_probabilities_stay_in_order_and_range(shares, data):
    right = data.draw(st.lists(st.booleans(), min_size=len(shares), max_size=len(shares)))
    probabilities = np.sort(np.array(shares))
    calibrated = fit(signs(probabilities), right).apply(signs(probabilities))
    assert (np.diff(calibrated) >= 0).all()
    assert calibrated.min() >= 0
    assert calibrated.max() <= (len(shares) + 1) / (len(shares) + 2)


@given(SHARES, st.data())
def test_what_is_more_familiar_is_never_believed_less(shares, data):
    right = data.draw(st.lists(st.booleans(), min_size=len(shares), max_size=len(shares)))
    seen = data.draw(st.lists(st.floats(0, 1), min_size=len(shares), max_size=len(shares)))
    calibration = fit(signs(shares, seen), right)
    believed = calibration.apply(signs(np.full(11, 0.7), np.linspace(0, 1, 11)))
    assert (np.diff(believed) >= 0).all()


def test_an_overconfident_model_is_corrected():
    random = np.random.default_rng(1)
    truth = random.uniform(0.3, 0.99, 20_000)
    claimed = 1 / (1 + np.exp(-(2 * np.log(truth / (1 - truth)) + 1)))
    calibrated = fit(signs(claimed), random.random(20_000) < truth).apply(signs(claimed))
    assert np.abs(calibrated - truth).max() < 0.02


def test_answers_about_what_cannot_be_known_teach_that_the_unfamiliar_is_doubtful():
    random = np.random.default_rng(1)
    seen = np.concatenate([random.uniform(0.7, 1, 2000), random.uniform(0.1, 0.6, 500)])
    is_known = np.arange(2500) < 2000
    found = signs(np.full(2500, 0.98), seen)
    calibration = fit(found, is_known & (random.random(2500) < 0.98), is_known)
    believed = calibration.apply(found)
    assert believed[is_known].mean() > 0.95
    assert believed[~is_known].mean() < 0.3


def test_what_cannot_be_known_counts_as_few_however_much_there_is():
    number = 3000
    is_known = np.arange(number) < 1000
    found = signs(np.full(number, 0.98))
    believed = fit(found, is_known, is_known).apply(found)  # nothing tells them apart
    assert believed[0] == pytest.approx(1 - UNKNOWN_SHARE, abs=0.01)


def test_a_silent_source_counts_as_usual():
    random = np.random.default_rng(2)
    seen = random.uniform(0, 1, 2000)
    calibration = fit(signs(np.full(2000, 0.8), seen), random.random(2000) < seen)
    silent = Signs(np.array([0.8]), np.zeros((1, 2)), np.zeros((1, 2), dtype=bool), np.array([10]))
    usual = signs([0.8], [calibration.usual[0]])
    assert calibration.apply(silent) == pytest.approx(calibration.apply(usual))
    assert calibration.apply(silent)[0] > calibration.apply(signs([0.8], [0.0]))[0]


def test_nothing_to_judge_by_leaves_half_a_chance():
    calibration = fit(signs([]), [])
    assert calibration.apply(signs([0.2, 1.0])) == pytest.approx([0.2, 0.5])
