"""The bell between the listener and the workers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Wakeup:
    """Each ring wakes one waiter; many rings before a wait count as one. Closing wakes everybody for good.

    Who is on watch is woken first, or finds the bell rung when about to wait: were a sleeper woken instead, it would
    find nothing left, and the one on watch would not learn that there is something to look out for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching = threading.Condition(self._lock)
        self._sleeping = threading.Condition(self._lock)
        self._watchers = 0
        self._rung = False
        self._closed = False

    def ring(self) -> None:
        with self._lock:
            self._rung = True
            (self._watching if self._watchers else self._sleeping).notify()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Be on watch, from before looking until the wait is over; waits within must have a timeout."""
        with self._lock:
            self._watchers += 1
        try:
            yield
        finally:
            with self._lock:
                self._watchers -= 1

    def wait(self, timeout_s: float | None) -> bool:
        """True when rung, False when the time is up or the bell is closed. None sleeps until either comes."""
        with self._lock:
            condition = self._sleeping if timeout_s is None else self._watching
            condition.wait_for(self._is_over, timeout_s)
            rung, self._rung = self._rung, False
            return rung and not self._closed

    def _is_over(self) -> bool:
        return self._rung or self._closed

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._watching.notify_all()
            self._sleeping.notify_all()
