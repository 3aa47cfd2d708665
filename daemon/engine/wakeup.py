"""The bell of a workload, and the post where it is heard."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.engine.life import Life

CLOSING_S = 1.0


class Wakeup:
    """One stands at the post and waits for the bell; the others sleep until the post is free.

    Many rings before a wait count as one, and a ring that nobody hears is kept for the next at the post. So whoever
    leaves the post for work is relieved at once, and there is always one who learns what else there is to do. Closing
    wakes everybody for good.
    """

    def __init__(self, life: Life | None = None) -> None:
        self._life = life or Life()
        lock = threading.Lock()
        self._lock = lock
        self._at_post = threading.Condition(lock)
        self._asleep = threading.Condition(lock)
        self._is_manned = False
        self._rung = False
        self._closed = False

    def ring(self) -> None:
        with self._lock:
            self._rung = True
            self._at_post.notify()

    @contextmanager
    def post(self) -> Iterator[bool]:
        """Stand at the post, as soon as it is free or the bell is closed; says whether somebody was relieved there."""
        with self._lock:
            is_relief = self._is_manned
            self._life.wait(lambda s: self._asleep.wait_for(self._is_free, s), threading.TIMEOUT_MAX)
            self._is_manned = True
        try:
            yield is_relief
        finally:
            with self._lock:
                self._is_manned = False
                self._asleep.notify()

    def wait(self, timeout_s: float) -> bool:
        """At the post: True when rung, False when the time is up or the bell is closed."""
        with self._lock:
            self._life.wait(lambda s: self._at_post.wait_for(lambda: self._rung or self._closed, s), timeout_s)
            rung, self._rung = self._rung, False
            return rung and not self._closed

    def _is_free(self) -> bool:
        return self._closed or not self._is_manned

    def close(self) -> None:
        """A thread that was frozen with the lock in its hands must not keep the daemon from its end."""
        self._closed = True
        if self._lock.acquire(timeout=CLOSING_S):
            self._at_post.notify_all()
            self._asleep.notify_all()
            self._lock.release()
