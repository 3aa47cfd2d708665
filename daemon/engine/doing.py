"""What this instance is doing, in words for people, from what is known in memory."""

import threading
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Protocol

from daemon.engine.queue import Planned, Settled, Slice
from daemon.engine.status import BatchStatus
from daemon.engine.telemetry import Mishap, Telemetry

QUIET_S = 30.0  # a batch of which nothing was in hand here for so long is others', or at its end
MOST_TOLD = 2  # batches


class Acting(Protocol):
    """A thread that does something else than treat slices; None: nothing just now."""

    @property
    def acting(self) -> str | None: ...


class Doing(Telemetry):
    """Told by the workers of every slice they begin and settle; asked for a sentence now and then."""

    def __init__(self, workers: int, others: Iterable[Acting] = ()) -> None:
        self._workers = workers
        self._others = others
        self._lock = threading.Lock()
        self._open: dict[tuple[str, int], tuple[int, int, float]] = {}  # done, of how many, as of when
        self._in_hand: dict[str, set[tuple[str, int]]] = {}  # by thread
        self._completed = 0

    def planned(self, workload: str, batches: Sequence[Planned]) -> None:
        with self._lock:
            for batch in batches:
                if batch.status == BatchStatus.PROCESSING:
                    self._open[workload, batch.id] = batch.success + batch.errors, batch.items, monotonic()

    def began(self, workload: str, slices: Sequence[Slice]) -> None:
        self._in_hand[threading.current_thread().name] = {(workload, slice.batch_id) for slice in slices}

    def stumbled(self, workload: str, mishap: Mishap) -> None:
        self._in_hand.pop(threading.current_thread().name, None)

    def counted(self, workload: str, batches: Sequence[Settled]) -> None:
        self._in_hand.pop(threading.current_thread().name, None)
        with self._lock:
            for batch in batches:
                if batch.is_open:
                    done = batch.success + batch.errors, batch.items, monotonic()
                    self._open[workload, batch.id] = max(self._open.get((workload, batch.id), done), done)
                    continue
                self._open.pop((workload, batch.id), None)
                self._completed += batch.is_completed

    def __str__(self) -> str:
        with self._lock:
            oldest, in_hand = monotonic() - QUIET_S, set().union(*list(self._in_hand.values()))
            self._open = {batch: known for batch, known in self._open.items() if known[2] >= oldest or batch in in_hand}
            told = [
                f"batch {batch_id} of {workload}: {done:,} of {items:,}"
                for (workload, batch_id), (done, items, _) in self._open.items()
            ]
            told += [f"batch {batch_id} of {workload}" for workload, batch_id in sorted(in_hand - self._open.keys())]
            completed = self._completed
        more = [f"{len(told) - MOST_TOLD} batches more"] if len(told) > MOST_TOLD else []
        acts = sorted({act for other in self._others if (act := other.acting)})
        what = [*told[:MOST_TOLD], *more, *acts] or ["at rest"]
        if not told and completed:
            what.append(f"{completed:,} {'batch' if completed == 1 else 'batches'} since its start")
        return "; ".join([f"{self._workers} {'worker' if self._workers == 1 else 'workers'}", *what])
