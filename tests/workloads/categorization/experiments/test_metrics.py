"""The figures: values worked out by hand, edges, and what holds whatever the predictions are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.experiments import metrics
from daemon.workloads.categorization.experiments.metrics import Bin, Confusion, Point

confidence = st.floats(10, 100).map(lambda value: round(value, 2))
judged = st.lists(st.tuples(confidence, st.booleans()), min_size=1, max_size=80)
labelled = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=40)


def test_top_one_is_the_share_that_is_right():
    assert metrics.top_one([True, True, False, True]) == 0.75
    assert metrics.top_one([]) is None


def test_macro_f1_is_the_mean_over_the_categories_that_are_true():
    # a: 2 of 3 found, said 2 times: P 1, R 2/3, F1 0.8. b: 1 of 1 found, said 2 times: P 1/2, R 1, F1 2/3. c: F1 0.
    truths, values = ["a", "a", "a", "b", "c"], ["a", "a", "b", "b", "d"]
    assert metrics.macro_f1(truths, values) == pytest.approx((0.8 + 2 / 3 + 0) / 3)
    assert metrics.macro_f1([], []) is None


def test_a_category_that_is_only_said_is_no_term_of_the_mean():
    assert metrics.macro_f1(["a", "a"], ["a", "d"]) == pytest.approx(2 / 3)


@given(labelled)
def test_macro_f1_is_the_mean_of_each_categorys_harmonic_mean(pairs):
    truths, values = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    scores = []
    for category in sorted(set(truths)):
        found = sum(truth == value == category for truth, value in pairs)
        precision, recall = found / max(1, values.count(category)), found / truths.count(category)
        scores.append(2 * precision * recall / (precision + recall) if found else 0)
    assert metrics.macro_f1(truths, values) == pytest.approx(sum(scores) / len(scores))


def test_top_three_counts_the_value_and_two_alternatives():
    truths, values = ["a", "b", "c", "d"], ["a", "x", "x", "x"]
    assert metrics.top_three(truths, values, [(), ("b",), ("y", "c"), ("y", "z", "d")]) == 0.75
    assert metrics.top_three(truths, values, [(), (), (), ()]) is None


def test_coverage_and_precision_are_of_those_at_the_threshold_or_above():
    assert metrics.coverage_and_precision([95, 90, 89.99, 10], [True, False, True, True], 90) == (0.5, 0.5)
    assert metrics.coverage_and_precision([50], [True], 90) == (0.0, None)
    assert metrics.coverage_and_precision([], [], 90) == (None, None)


def test_the_calibration_error_is_that_of_the_paper():
    # Two products said 0.95: one right. One said 0.5, right. |0.5 - 0.95| * 2/3 + |1 - 0.5| * 1/3
    bins = metrics.reliability([95, 95, 50], [True, False, True])
    assert metrics.calibration_error(bins) == pytest.approx(0.45 * 2 / 3 + 0.5 / 3)
    assert metrics.calibration_error([]) is None


@pytest.mark.parametrize(
    ("said", "low"), [(10, 100 / 15), (20, 200 / 15), (20.01, 20), (93.33, 1300 / 15), (100, 1400 / 15)]
)
def test_a_bin_holds_its_upper_edge(said, low):
    (only,) = metrics.reliability([said], [True])
    assert only.low == pytest.approx(low)
    assert only.low < said <= only.high + 1e-9


@given(judged)
def test_every_product_is_in_one_bin_and_the_error_is_a_share(predictions):
    sure, right = [each[0] for each in predictions], [each[1] for each in predictions]
    bins = metrics.reliability(sure, right)
    assert sum(each.products for each in bins) == len(predictions)
    assert [each.low for each in bins] == sorted(each.low for each in bins)
    assert all(each.low / 100 - 1e-9 <= each.confidence <= each.high / 100 + 1e-9 for each in bins)
    assert 0 <= metrics.calibration_error(bins) <= 1


def test_what_is_said_truly_has_no_error():
    assert metrics.calibration_error(metrics.reliability([75.0] * 4, [True, True, True, False])) == pytest.approx(0)


def test_the_curve_has_a_point_for_each_confidence():
    assert metrics.coverage_curve([90, 99, 90, 50], [True, True, False, True]) == [
        Point(99, 0.25, 1.0),
        Point(90, 0.75, pytest.approx(2 / 3)),
        Point(50, 1.0, 0.75),
    ]
    assert metrics.coverage_curve([], []) == []


@given(judged)
def test_each_point_of_the_curve_is_what_its_threshold_gives(predictions):
    sure, right = [each[0] for each in predictions], [each[1] for each in predictions]
    points = metrics.coverage_curve(sure, right)
    assert [each.coverage for each in points] == sorted(each.coverage for each in points)
    assert points[-1].coverage == 1
    for point in points:
        assert metrics.coverage_and_precision(sure, right, point.threshold) == pytest.approx(point[1:])


@given(judged, st.randoms(use_true_random=False))
def test_the_order_of_the_products_does_not_matter(predictions, chance):
    mixed = predictions[:]
    chance.shuffle(mixed)
    for figure in (metrics.reliability, metrics.coverage_curve):
        there = figure([each[0] for each in predictions], [each[1] for each in predictions])
        back = figure(np.array([each[0] for each in mixed]), np.array([each[1] for each in mixed]))
        assert np.array(there) == pytest.approx(np.array(back))


def test_the_most_confused_come_first():
    truths, values = ["a", "a", "b", "c", "c", "c"], ["b", "b", "a", "c", "b", "a"]
    found = metrics.most_confused(truths, values, [90, 80, 70, 60, 50, 40])
    assert found[0] == Confusion("a", "b", 2, 85)
    assert [each[:2] for each in found[1:]] == [("b", "a"), ("c", "a"), ("c", "b")]
    assert len(metrics.most_confused(truths, values, [50] * 6, limit=1)) == 1


def test_a_bin_says_what_it_holds():
    assert metrics.reliability([99, 97], [True, False]) == [
        Bin(pytest.approx(1400 / 15), 100, 2, pytest.approx(0.98), 0.5)
    ]
