"""Comparing two models: the values of the literature, the edges, and that intervals hold what they promise."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.experiments.comparison import FEW, compare, interval, p_value
from daemon.workloads.categorization.intervals import wilson

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


def rights(both, only_a, only_b, neither):
    return (
        [True] * (both + only_a) + [False] * (only_b + neither),
        [True] * both + [False] * only_a + [True] * only_b + [False] * neither,
    )


def test_what_each_got_right_alone_is_counted():
    comparison = compare(*rights(both=80, only_a=4, only_b=12, neither=4))
    assert (comparison.only_a, comparison.only_b) == (4, 12)
    assert comparison.difference == pytest.approx(0.08)
    assert comparison.p_value == pytest.approx(2 * sum(comb(16, k) for k in range(5)) / 2**16)  # 0.0768


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [  # both, only b, only a, neither: Newcombe 1998, table III, method 10
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((36, 14, 0, 0), 0.1528, 0.4167),
    ],
)
def test_the_interval_is_newcombes(cells, low, high):
    both, only_b, only_a, neither = cells
    assert interval(both, only_a, only_b, neither) == pytest.approx((low, high), abs=5e-5)


def test_wilsons_interval_is_wilsons():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998 (two-sided intervals), table I
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0, 1)


def test_models_that_never_differ_are_not_shown_to():
    comparison = compare([True] * 50, [True] * 50)
    assert (comparison.difference, comparison.p_value) == (0, 1)
    assert comparison.low < 0 < comparison.high


def test_of_no_product_nothing_is_known():
    assert compare([], []) == compare(np.array([], dtype=bool), np.array([], dtype=bool))
    assert (compare([], []).low, compare([], []).high, compare([], []).p_value) == (-1, 1, 1)


def test_different_products_are_refused():
    with pytest.raises(ValueError, match="the same products"):
        compare([True], [True, False])


def test_the_test_for_many_goes_on_where_the_exact_one_ends():
    for only_a in (FEW // 2 - 40, FEW // 2 - 15, FEW // 2):
        exact, normal = p_value(only_a, FEW - only_a), p_value(only_a, FEW - only_a + 1)
        assert exact == pytest.approx(normal, rel=0.15)
    assert p_value(10**6, 10**6) == 1
    assert p_value(0, 10**6) == 0


@given(pairs)
def test_the_other_way_round_it_is_the_same_with_the_sign_changed(both_ways):
    a, b = [pair[0] for pair in both_ways], [pair[1] for pair in both_ways]
    there, back = compare(a, b), compare(b, a)
    assert (there.only_a, there.only_b, there.p_value) == (back.only_b, back.only_a, back.p_value)
    assert there.difference == -back.difference
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@given(pairs)
def test_interval_and_p_value_are_in_their_ranges(both_ways):
    comparison = compare([pair[0] for pair in both_ways], [pair[1] for pair in both_ways])
    assert -1 <= comparison.low <= comparison.difference <= comparison.high <= 1
    assert 0 < comparison.p_value <= 1


def test_the_interval_holds_the_truth_as_often_as_it_says():
    chance = np.random.default_rng(1)
    cells = chance.multinomial(300, [0.9, 0.02, 0.04, 0.04], size=3000).tolist()  # b is better by 0.02
    bounds = [interval(*each) for each in cells]
    held = np.mean([low <= 0.02 <= high for low, high in bounds])
    assert 0.94 <= held <= 0.97
