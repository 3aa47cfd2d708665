"""The bell between the listener and the workers."""

import threading


class Wakeup:
    """Each ring wakes one waiter; many rings before a wait count as one. Closing wakes everybody for good."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = False
        self._closed = False

    def ring(self) -> None:
        with self._condition:
            self._rung = True
            self._condition.notify()

    def wait(self, timeout_s: float | None) -> bool:
        """True when rung, False when the time is up or the bell is closed. None waits until either comes."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung or self._closed, timeout_s)
            rung, self._rung = self._rung, False
            return rung and not self._closed

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
