"""The time of one fetch: every wait and every piece of data passes here, so that none goes on unnoticed."""

import math
import select
from collections.abc import Callable
from time import monotonic

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.limits import Limits

Tick = Callable[[int, int | None], None]  # bytes received, bytes expected where that is known

TICK_EVERY_S = 0.25


class Pulse:
    """Calls `tick` a few times a second, whatever the network does, and ends what takes too long or is too slow.

    What `tick` raises goes through everything that waits. Used by one thread.
    """

    def __init__(self, tick: Tick, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self.received = 0  # bytes of the list, as they came over the wire
        self.expected: int | None = None
        self._tick = tick
        self._limits = limits
        self._clock = clock
        self._ends = clock() + limits.download_s
        self._next_tick = clock()
        self._heard = 0  # bytes of the window
        self._window_began: float | None = None

    def after(self, seconds: float) -> float:
        """A moment, for `wait`."""
        return self._clock() + seconds

    def beat(self) -> None:
        """Raises FetchFailed when the time is over, and whatever the tick raises."""
        now = self._clock()
        if now > self._ends:
            message = f"the list took longer than {self._limits.download_s:g} s"
            raise FetchFailed("took_too_long", message, is_transient=True)
        self._require_speed(now)
        if now >= self._next_tick:
            self._next_tick = now + TICK_EVERY_S
            self.tell()

    def tell(self) -> None:
        """How far it is, whenever that was told before."""
        self._tick(self.received, self.expected)

    def wait(self, descriptor: int, *, for_writing: bool, until: float) -> bool:
        """Whether it has become ready before that moment."""
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT if for_writing else select.POLLIN)
        while True:
            self.beat()
            left_s = min(until - self._clock(), TICK_EVERY_S)
            if poll.poll(max(math.ceil(left_s * 1_000), 0)):
                return True
            if self._clock() >= until:
                return False

    def asked(self) -> None:
        """A request is on its way: how long the server thinks is not a matter of speed."""
        self._window_began = None

    def heard(self, count: int) -> None:
        """So many bytes of an answer have come."""
        if self._window_began is None:
            self._window_began, self._heard = self._clock(), 0
        self._heard += count

    def _require_speed(self, now: float) -> None:
        window_s = self._limits.slowness_s
        if self._window_began is None or now - self._window_began < window_s:
            return
        if self._heard < self._limits.slowest_bytes_per_minute * window_s / 60:
            message = f"the server is too slow: {self._heard:,} bytes came in {window_s:g} s"
            raise FetchFailed("too_slow", message, is_transient=True)
        self._window_began, self._heard = now, 0
