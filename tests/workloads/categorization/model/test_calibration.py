"""Confidence means what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.model.calibration import Calibration

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=50)


@given(SHARES, st.data())
def test_calibrated_probabilities_stay_in_order_and_range(shares, data):
    right = data.draw(st.lists(st.booleans(), min_size=len(shares), max_size=len(shares)))
    probabilities = np.sort(np.array(shares))
    calibration = Calibration.fit(probabilities, np.array(right))
    calibrated = calibration.apply(probabilities)
    assert (np.diff(calibrated) >= 0).all()
    assert calibrated.min() >= 0
    assert calibrated.max() <= (len(shares) + 1) / (len(shares) + 2)


def test_an_overconfident_model_is_corrected():
    random = np.random.default_rng(1)
    truth = random.uniform(0.3, 0.99, 20_000)
    claimed = 1 / (1 + np.exp(-(2 * np.log(truth / (1 - truth)) + 1)))
    calibration = Calibration.fit(claimed, random.random(20_000) < truth)
    assert calibration.slope == pytest.approx(0.5, abs=0.05)
    assert calibration.apply(claimed).mean() == pytest.approx(truth.mean(), abs=0.01)


def test_nothing_to_judge_by_leaves_half_a_chance():
    calibration = Calibration.fit(np.empty(0), np.empty(0, dtype=bool))
    assert calibration.apply(np.array([0.2, 1.0])) == pytest.approx([0.2, 0.5])
