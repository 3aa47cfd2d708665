"""Polls a batch's row until it has ended, as the PHP application does."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Protocol

from daemon.demo.running import DaemonFailed, RunningDaemon
from daemon.demo.screen import Bar

OPEN = ("pending", "processing")
POLL_S = 0.05
STUCK_S = 60.0


class Stand(Protocol):
    """How far a batch is. Equal to another when it has not got on since."""

    @property
    def status(self) -> str: ...

    @property
    def processed(self) -> int: ...


def follow(name: str, read: Callable[[], Stand], running: RunningDaemon, bar: Bar | None = None) -> None:
    """Raises DaemonFailed when it does not get on, or does not come to a good end."""
    pause = Event()
    stand, moved_at = read(), monotonic()
    while stand.status in OPEN:
        running.require_alive()
        if monotonic() - moved_at > STUCK_S:
            raise DaemonFailed(f"{name} has not got on for {STUCK_S:.0f} seconds")
        if bar is not None:
            bar.show(stand.processed)
        pause.wait(POLL_S)
        before, stand = stand, read()
        if stand != before:
            moved_at = monotonic()
    if bar is not None:
        bar.show(stand.processed, is_last=True)
    if stand.status != "completed":
        raise DaemonFailed(f"{name} ended as {stand.status}")
