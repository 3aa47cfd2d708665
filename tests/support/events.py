"""A tap in the structlog chain: tests wait for what the code announces, never for time."""

from __future__ import annotations

import threading
from typing import Any, Self

import structlog
from structlog.typing import EventDict, WrappedLogger

Event = dict[str, Any]


class EventTap:
    """Collects the events of every thread of this process. `capture_logs` of structlog is not thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._events: list[Event] = []

    def __enter__(self) -> Self:
        self._saved = structlog.get_config()
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self._take],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            logger_factory=structlog.ReturnLoggerFactory(),
            cache_logger_on_first_use=False,
        )
        return self

    def __exit__(self, *_: object) -> None:
        structlog.configure(**self._saved)

    def _take(self, _logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        with self._condition:
            self._events.append({**event, "level": level})
            self._condition.notify_all()
        raise structlog.DropEvent

    def all(self, name: str | None = None) -> list[Event]:
        with self._condition:
            return [event for event in self._events if name in (None, event["event"])]

    def wait_for(self, name: str, count: int = 1, timeout_s: float = 20.0, **keys: object) -> Event:
        """The `count`-th event of this name whose keys have these values; fails the test when it does not come."""

        def found() -> list[Event]:
            return [e for e in self._events if e["event"] == name and keys.items() <= e.items()]

        with self._condition:
            if not self._condition.wait_for(lambda: len(found()) >= count, timeout_s):
                seen = [event["event"] for event in self._events]
                raise AssertionError(f"no {name} {keys or ''} within {timeout_s} s; seen: {seen[-30:]}")
            return found()[count - 1]
