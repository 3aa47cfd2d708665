"""Signs of life: each thread shows its own wherever it loops, and says so when the next may take longer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

PIECE_S = 10.0  # of a long wait; whoever waits shows life at each, which is what most of the time at rest goes into
# Names are looked up, which nobody can break off: every name server is asked about every domain of the search list,
# twice, for each of several hosts. Then each of their addresses is tried.
CONNECTING_S = 600.0
BORROWING_S = 15.0  # a connection of the pool, which is tried first, and replaced if it is dead


class Life:
    """What the threads of this process have shown of themselves, by their names.

    A thread is watched inside `of`. It is silent when it has not beaten for `bound`, and for whatever its last beat
    asked for beyond that. Beats of threads that are not watched count for nothing. Nothing here waits for a lock.
    """

    def __init__(self, bound: timedelta = timedelta(minutes=1), piece: timedelta = timedelta(seconds=PIECE_S)) -> None:
        self.bound_s = bound.total_seconds()
        self.piece_s = min(piece.total_seconds(), self.bound_s / 4)
        self._due: dict[str, float] = {}  # until when each must have beaten again
        self._connecting: set[str] = set()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Watch what is called so: the thread that enters, or something else that beats by that name."""
        self._due[name] = monotonic() + self.bound_s
        try:
            yield
        finally:
            self._due.pop(name, None)

    def beat(self, beyond_s: float = 0.0, name: str | None = None) -> None:
        """A sign of life; of this thread, unless another is named. The next may take that much longer than usual."""
        name = name or threading.current_thread().name
        if name in self._due:
            self._due[name] = monotonic() + self.bound_s + beyond_s

    def wait(self, awaited: Callable[[float], T], timeout_s: float) -> T:
        """What `awaited` returns, which is given seconds to wait and called until it has something or the time is up:
        a sign of life with each call."""
        ends = monotonic() + timeout_s
        while True:
            self.beat()
            left_s = ends - monotonic()
            found = awaited(max(0.0, min(left_s, self.piece_s)))
            if found or left_s <= self.piece_s:
                return found

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """This thread opens a connection, and holds none."""
        name = threading.current_thread().name
        self._connecting.add(name)
        self.beat(CONNECTING_S)
        try:
            yield
        finally:
            self._connecting.discard(name)
            self.beat()

    def is_connecting(self, name: str) -> bool:
        return name in self._connecting

    def due(self) -> dict[str, float]:
        """By when, of `time.monotonic`, each of the watched must have beaten again."""
        return dict(self._due)

    def forgive(self, name: str, seconds: float) -> None:
        """It could not beat for so long: the process was stopped, or the machine."""
        if name in self._due:
            self._due[name] += seconds
