"""Times and numbers as people read them."""

import pytest

from daemon.terminal.words import about, count, how_long, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.00 s"),
        (0.123, "0.12 s"),
        (0.996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86_400, "1 day"),
        (277_200, "3 days 5 h"),
    ],
)
def test_how_long(seconds: float, words: str) -> None:
    assert how_long(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 s"),
        (8.4, "8 s"),
        (38, "40 s"),
        (89, "90 s"),
        (91, "2 min"),
        (5_399, "90 min"),
        (5_401, "2 h"),
        (200_000, "2 days"),
        (10**9, "11,574 days"),
    ],
)
def test_a_guess_is_round(seconds: float, words: str) -> None:
    assert about(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (3_400, "3.4 KB"), (34e6, "34 MB"), (2e12, "2.0 TB"), (5e16, "50000.0 TB")],
)
def test_sizes(number: float, words: str) -> None:
    assert size(number) == words


def test_one_is_not_many() -> None:
    assert [count(1, "slice"), count(2_000, "slice"), count(0, "batch", "batches")] == [
        "1 slice",
        "2,000 slices",
        "0 batches",
    ]
