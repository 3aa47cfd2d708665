"""Whether work can be done at the moment, and if not, why."""

import threading

import structlog

log = structlog.get_logger()


class Readiness:
    """What the workers have told of their troubles; each change is logged, once.

    A trouble is known by what it is about and who has it; readiness is back when the last one is over.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubles: dict[tuple[str, str], str] = {}

    @property
    def trouble(self) -> str | None:
        """The oldest of the troubles, or None when there is none."""
        return next((f"{what}: {why}" for (what, _), why in list(self._troubles.items())), None)

    def lose(self, what: str, who: str, why: str) -> None:
        with self._lock:
            was_ready = not self._troubles
            self._troubles[what, who] = why  # which may be another by now
            if was_ready:
                log.warning("daemon.unready", what=what, error=why)

    def regain(self, what: str, who: str) -> None:
        if (what, who) not in self._troubles:
            return
        with self._lock:
            if self._troubles.pop((what, who), None) and not self._troubles:
                log.info("daemon.ready")
