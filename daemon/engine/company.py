"""Who may work beside whom in this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta


class Crowded(Exception):
    """Those inside were not through in time."""


class Company:
    """Workers are beside others or alone. What has ended its worker before is treated alone: if it ends the process
    again, nothing else was in hand that would count as having ended it too.

    Who wants to be alone waits until those inside are through; nobody enters meanwhile. Nobody waits for longer than
    `patience`: then entering raises Crowded.
    """

    def __init__(self, patience: timedelta = timedelta(seconds=7)) -> None:
        self._patience_s = patience.total_seconds()
        self._changed = threading.Condition()
        self._inside = 0
        self._loners = 0  # alone, or waiting for it

    @contextmanager
    def beside_others(self) -> Iterator[None]:
        with self._changed:
            self._wait_for(lambda: self._loners == 0)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._loners += 1
            try:
                self._wait_for(lambda: self._inside == 0)
            except Crowded:
                self._loners -= 1
                self._changed.notify_all()
                raise
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._loners -= 1
                self._changed.notify_all()

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        if not self._changed.wait_for(condition, self._patience_s):
            raise Crowded
