"""Whether the daemon is alive, and whether it can work: each with the reason if not."""

import threading
from collections.abc import Callable
from time import monotonic

from daemon.engine.telemetry import ListenerState

Check = Callable[[], str | None]  # what is wrong, or None

LOOKS_EVERY_S = 30.0  # the vigil is kept every few seconds


class LastLook:
    """Alive is a process whose main thread has looked at the others a short while ago, and found none silent."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._at = clock()

    def look(self) -> None:
        self._at = self._clock()

    def trouble(self) -> str | None:
        silent_s = self._clock() - self._at
        return f"the vigil was not kept for {silent_s:.0f} s" if silent_s > LOOKS_EVERY_S else None


class Health:
    """What a probe is told. Asks the database nothing: the workers do, and tell of their troubles.

    A daemon whose schema is wrong does not come so far as to be asked.
    """

    def __init__(
        self,
        is_alive: Check,
        trouble: Check,
        listener: Callable[[], ListenerState | None],
        why_lost: Callable[[], str] = lambda: "",
    ) -> None:
        self._is_alive = is_alive
        self._trouble = trouble
        self._listener = listener
        self._why_lost = why_lost
        self._is_stopping = threading.Event()

    def stop(self) -> None:
        """From now on it is not ready."""
        self._is_stopping.set()

    def not_alive(self) -> str | None:
        """Why it is to be replaced."""
        return self._is_alive()

    def not_ready(self) -> str | None:
        """Why no work is done at the moment; who cannot hear, and knows, polls: that is ready."""
        if self._is_stopping.is_set():
            return "stopping"
        state = self._listener()
        if state is None:
            return "not listening yet"
        if state is ListenerState.LOST:
            return self._trouble() or f"listener: {self._why_lost() or 'the connection is lost'}"
        return self._trouble()
