"""How long to wait before trying again."""

import random


class Backoff:
    """Doubling delays with full jitter, in seconds, until a success resets them.

    AWS Architecture Blog, "Exponential Backoff And Jitter": a random share of the doubled delay spreads the retries
    of many workers best. Not shared between threads.
    """

    def __init__(self, rng: random.Random, first_s: float = 0.1, longest_s: float = 30.0) -> None:
        self._rng = rng
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._failures

    def next_s(self) -> float:
        """The delay after one more failure: between half and the whole of the doubled delay."""
        self._failures += 1
        return self.after_s(self._failures)

    def after_s(self, failures: int) -> float:
        """The delay after so many failures in a row, at least one, that somebody else has counted."""
        ceiling = min(self._longest_s, self._first_s * 2.0 ** min(failures - 1, 30))
        return ceiling * (0.5 + self._rng.random() / 2)

    def reset(self) -> None:
        self._failures = 0
