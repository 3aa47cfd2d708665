"""A histogram counts each value once, between the right bounds."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from daemon.monitoring.distribution import Distribution
from daemon.monitoring.rate import SPAN, Rate


def test_values_are_counted_up_to_each_bound() -> None:
    distribution = Distribution([0.1, 1.0])
    for value in (0.05, 0.1, 0.5, 7.0):
        distribution.add(value)
    counted = distribution.count()
    assert counted.at_most == [(0.1, 2), (1.0, 3), (inf, 4)]
    assert counted.number == 4
    assert counted.total == 7.65


@given(st.lists(st.floats(0, 1e6)))
def test_it_counts_as_one_would_by_hand(values: list[float]) -> None:
    distribution = Distribution([0.01, 1, 60])
    for value in values:
        distribution.add(value)
    counted = distribution.count()
    assert counted.at_most == [(bound, sum(value <= bound for value in values)) for bound in (0.01, 1, 60, inf)]


@given(st.lists(st.tuples(st.floats(0, 300), st.integers(0, 1000))), st.floats(0, 300))
def test_a_rate_is_over_the_last_minute(moments: list[tuple[float, int]], later: float) -> None:
    rate, now = Rate(), 0.0
    seen: list[tuple[int, int]] = []
    for step, number in moments:
        now += step
        rate.add(number, now)
        seen.append((int(now), number))
    now += later
    expected = sum(number for second, number in seen if int(now) - SPAN < second)
    assert rate.per_second(now) == expected / SPAN
