"""Counts in memory what the engine tells."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from daemon.engine.queue import Planned, Settled, Slice
from daemon.engine.status import BatchStatus
from daemon.engine.telemetry import ListenerState, Mishap, PreparationEnd, Telemetry
from daemon.monitoring.distribution import Counted, Distribution
from daemon.monitoring.rate import Rate

DONE = "done"  # the outcome of an item that is not in error
SETTLED = "settled"  # what happens to a slice when nothing goes wrong
NOT_AN_ID = "not_an_id"  # the outcome of what planning refuses
OTHER = "other"  # outcomes beyond MOST_OUTCOMES: no shop's data may make series without end
MOST_OUTCOMES = 100
MOST_AWAITED = 50_000  # batches that were planned here and are begun, perhaps, elsewhere

# Bounds in seconds.
PICKUP = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
SLICE = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
BATCH = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted of one kind of work since the process began."""

    planned: int
    ended: Mapping[str, int]  # batches, by status
    items: Mapping[str, int]  # by outcome
    items_per_s: float  # over the last minute
    slices: Mapping[str, int]  # by what happened to them
    preparations: Mapping[str, int]  # steps, by their end
    pickup: Counted
    slice: Counted
    batch: Counted


class _Sum:
    """Of one kind of work."""

    def __init__(self) -> None:
        self.planned = 0
        self.ended = Counter({BatchStatus.COMPLETED.value: 0, BatchStatus.FAILED.value: 0})
        self.items = Counter({DONE: 0})
        self.rate = Rate()
        self.slices = Counter(dict.fromkeys((SETTLED, *(mishap.value for mishap in Mishap)), 0))
        self.preparations = Counter({end.value: 0 for end in PreparationEnd})
        self.pickup, self.slice, self.batch = Distribution(PICKUP), Distribution(SLICE), Distribution(BATCH)
        self.awaited: dict[int, float] = {}  # batches, with the monotonic time of their insert

    def count_items(self, outcome: str, number: int) -> None:
        known = outcome in self.items or len(self.items) < MOST_OUTCOMES
        self.items[outcome if known else OTHER] += number


class Tally(Telemetry):
    """What is told by several threads, under one lock that nobody holds for long."""

    def __init__(self, workloads: Iterable[str], clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sums = {workload: _Sum() for workload in workloads}
        self._listener: ListenerState | None = None
        self._why_lost = ""
        self._changes = Counter({state.value: 0 for state in ListenerState})

    def planned(self, workload: str, batches: Sequence[Planned]) -> None:
        if not batches:
            return
        now = self._clock()
        with self._lock:
            seen = self._sums[workload]
            seen.planned += len(batches)
            for batch in batches:
                self._plan(seen, batch, now)

    def _plan(self, seen: _Sum, batch: Planned, now: float) -> None:
        if batch.refused:
            seen.count_items(NOT_AN_ID, batch.refused)
        if batch.status == BatchStatus.PROCESSING:
            if batch.retry_count == 0:  # else its row says when it was first inserted, not when it was set back
                if len(seen.awaited) >= MOST_AWAITED:
                    del seen.awaited[next(iter(seen.awaited))]
                seen.awaited[batch.id] = now - batch.wait_s
            return
        seen.ended[str(batch.status)] += 1
        if batch.retry_count == 0:
            seen.pickup.add(batch.wait_s)

    def began(self, workload: str, slices: Sequence[Slice]) -> None:
        now = self._clock()
        with self._lock:
            seen = self._sums[workload]
            for slice in slices:
                inserted = seen.awaited.pop(slice.batch_id, None)
                if inserted is not None:
                    seen.pickup.add(now - inserted)

    def settled(
        self,
        workload: str,
        slices: int,
        items: int,
        failures: Mapping[str, int],
        completed: Sequence[Settled],
        duration_s: float,
    ) -> None:
        now = self._clock()
        with self._lock:
            seen = self._sums[workload]
            seen.slices[SETTLED] += slices
            seen.slice.add(duration_s)
            seen.rate.add(items, now)
            seen.items[DONE] += items - sum(failures.values())
            for code, number in failures.items():
                seen.count_items(code, number)
            for batch in completed:
                seen.ended[batch.status] += 1
                seen.batch.add(batch.duration_s)

    def stumbled(self, workload: str, mishap: Mishap) -> None:
        with self._lock:
            self._sums[workload].slices[mishap.value] += 1

    def prepared(self, workload: str, end: PreparationEnd) -> None:
        with self._lock:
            self._sums[workload].preparations[end.value] += 1

    def listens(self, state: ListenerState, why: str = "") -> None:
        with self._lock:
            self._listener, self._why_lost = state, why
            self._changes[state.value] += 1

    @property
    def listener(self) -> ListenerState | None:
        """None before it has said anything."""
        return self._listener

    @property
    def why_lost(self) -> str:
        """What the listener's last attempt came to, while it has no connection."""
        return self._why_lost

    def listener_changes(self) -> Mapping[str, int]:
        """How often the listener said that it is in this state."""
        with self._lock:
            return dict(self._changes)

    def of(self, workload: str) -> Seen:
        with self._lock:
            seen = self._sums[workload]
            return Seen(
                seen.planned,
                dict(seen.ended),
                dict(seen.items),
                seen.rate.per_second(self._clock()),
                dict(seen.slices),
                dict(seen.preparations),
                seen.pickup.count(),
                seen.slice.count(),
                seen.batch.count(),
            )
