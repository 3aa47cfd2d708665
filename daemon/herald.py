"""Tells systemd how the daemon fares: ready, alive, what it is doing, what a stop waits for."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from daemon.engine.doing import Doing
from daemon.engine.readiness import Readiness
from daemon.systemd import Notifier

STATUS_EVERY_S = 3.0  # at most; each is a line that systemd keeps, and none costs a statement
LONGER = timedelta(seconds=15)  # that a stop may take from each sign of progress


class Herald:
    """Composes the status line; sends it when it has changed."""

    def __init__(self, notifier: Notifier, doing: Doing, readiness: Readiness) -> None:
        self._notifier = notifier
        self._doing = doing
        self._readiness = readiness
        self._said = ""
        self._said_at = 0.0

    def ready(self) -> None:
        self._said, self._said_at = self._status(), monotonic()
        self._notifier.ready(self._said)

    def alive(self) -> None:
        self._notifier.alive()
        if monotonic() - self._said_at < STATUS_EVERY_S:
            return
        status = self._status()
        if status != self._said:
            self._said, self._said_at = status, monotonic()
            self._notifier.status(status)

    def reload(self, act: Callable[[], object]) -> None:
        self._notifier.reloading()
        act()
        self.ready()

    def stopping(self, longest: timedelta) -> None:
        self._notifier.stopping(longest)

    def draining(self, threads: int) -> None:
        self._notifier.draining(f"stopping: {threads} {'thread' if threads == 1 else 'threads'} at work", LONGER)

    def _status(self) -> str:
        trouble = self._readiness.trouble
        return f"waiting: {trouble}" if trouble else str(self._doing)
