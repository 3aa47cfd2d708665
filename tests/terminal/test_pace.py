"""How fast a batch is now: over the last seconds, whatever happened before."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.terminal.pace import KEPT_S, Look, Pace, Paces


def pace_of(*looks: tuple[float, int]) -> float | None:
    pace = Pace()
    for look in looks:
        pace.see(Look(*look))
    return pace.items_per_s


def test_one_look_says_nothing() -> None:
    assert pace_of() is None
    assert pace_of((0, 5)) is None
    assert pace_of((0, 5), (0.1, 50)) is None


def test_a_pause_before_does_not_count() -> None:
    assert pace_of((0, 100), (30, 100), (35, 600)) == 100


def test_a_slow_one_is_seen_over_the_minute() -> None:
    assert pace_of((0, 0), (20, 100), (40, 100)) == 2.5


def test_one_that_stands_still_has_a_rate_of_nothing_after_a_while() -> None:
    assert pace_of((0, 7), (5, 7)) is None
    assert pace_of((0, 7), (5, 7), (11, 7)) == 0


def test_a_batch_that_was_set_back_begins_anew() -> None:
    assert pace_of((0, 100), (1, 10)) is None
    assert pace_of((0, 100), (1, 10), (2, 30)) == 20


def test_batches_that_ended_are_forgotten() -> None:
    paces = Paces()
    first, second = ("categorization", 1), ("price-lists", 1)
    assert paces.see({first: 0, second: 0}, 0) == {}
    assert paces.see({first: 10}, 1) == {first: 10}
    assert paces.see({first: 10, second: 50}, 2) == {first: 5}


@given(st.lists(st.tuples(st.floats(0.01, 30), st.integers(0, 1_000)), max_size=60))
def test_never_below_nothing_and_never_kept_for_ever(steps: list[tuple[float, int]]) -> None:
    pace, at_s, processed = Pace(), 0.0, 0
    for passed_s, more in steps:
        at_s, processed = at_s + passed_s, processed + more
        pace.see(Look(at_s, processed))
        rate = pace.items_per_s
        assert rate is None or rate >= 0
        assert at_s - pace._looks[0].at_s <= KEPT_S
