"""The delays between attempts."""

import random

from daemon.engine.backoff import Backoff


def test_each_delay_is_between_half_and_the_whole_of_the_doubled_one() -> None:
    for seed in range(50):
        backoff = Backoff(random.Random(seed), first_s=0.1, longest_s=1.0)
        for ceiling in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0):
            assert ceiling / 2 <= backoff.next_s() <= ceiling


def test_a_long_row_of_failures_stays_at_the_longest_delay() -> None:
    backoff = Backoff(random.Random(1), longest_s=30.0)
    assert max(backoff.next_s() for _ in range(5000)) <= 30.0
    assert backoff.failures == 5000


def test_a_success_begins_anew() -> None:
    backoff = Backoff(random.Random(1), first_s=0.1)
    for _ in range(8):
        backoff.next_s()
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next_s() <= 0.1


def test_two_workers_do_not_retry_in_step() -> None:
    one, other = (Backoff(random.Random(seed)) for seed in (1, 2))
    assert one.next_s() != other.next_s()
