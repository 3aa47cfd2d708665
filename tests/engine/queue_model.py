"""What must hold of the queue, in plain Python: batches, slices, and who holds what. Knows no SQL."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from daemon.engine.queue import RETRY_LIMIT

FINAL = ("completed", "failed", "cancelled")


def ids_of(given: object) -> tuple[set[int], set[str]]:
    """The distinct ids of a batch's list, and its other entries as JSON text."""
    good: set[int] = set()
    bad: set[str] = set()
    for entry in given if isinstance(given, list) else []:
        text = entry if isinstance(entry, str) else json.dumps(entry, sort_keys=True)
        if re.fullmatch("0*[0-9]{1,19}", text) and int(text) < 2**63:
            good.add(int(text))
        else:
            bad.add(json.dumps(entry, sort_keys=True))
    return good, bad


@dataclass(eq=False)
class ModelSlice:
    """A row of the queue. `holder` is the worker whose open transaction has it locked."""

    id: int
    batch_id: int
    priority: int
    turn: int
    items: tuple[int, ...]
    attempts: int = 0
    claimed_by: str | None = None
    is_aged: bool = False  # the claim is past its grace
    was_released: bool = False
    is_put_off: bool = False
    holder: ModelWorker | None = None

    @property
    def place(self) -> tuple[int, int, int]:
        return -self.priority, self.turn, self.id

    @property
    def is_free(self) -> bool:
        """Whether a worker may claim it."""
        return self.holder is None and not self.is_put_off and (self.claimed_by is None or self.is_aged)

    def is_taken_with(self, front: ModelSlice, tiny: int) -> bool:
        """Whether it may be claimed together with a tiny `front`."""
        return (
            self.is_free
            and (self.priority, self.turn) == (front.priority, front.turn)
            and self.id > front.id
            and (self.attempts, self.claimed_by, self.was_released) == (0, None, False)
            and len(self.items) <= tiny
        )


@dataclass(eq=False)
class ModelBatch:
    """A batch as everybody sees it, with what is committed of its outcomes."""

    id: int
    given: object
    priority: int
    status: str = "pending"
    retries: int = 0
    total: int = 0
    success: int = 0
    error: int = 0
    remaining: int | None = None
    results: set[int] = field(default_factory=set)
    vanished: set[int] = field(default_factory=set)  # results of products that were deleted later; still counted
    lost: set[int] = field(default_factory=set)  # items whose slices were taken away untreated
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)  # item as JSON text, code
    audit: list[tuple[str, str, str]] = field(default_factory=list)  # action, from, to

    def __post_init__(self) -> None:
        self.good, self.bad = ids_of(self.given)

    @property
    def processed(self) -> int:
        return self.success + self.error

    @property
    def is_refused(self) -> bool:
        return self.retries >= RETRY_LIMIT

    def order(self, status: str) -> None:
        """Somebody gives the batch this status; what is one already is no order."""
        if status != self.status and status in ("pending", "cancelled"):
            self.audit.append(("cancelled" if status == "cancelled" else "retried", self.status, status))
        self.status = status

    def plan(self) -> set[int]:
        """The items that are left to do. Sets status, counters and item errors as planning must."""
        todo = set() if self.is_refused else self.good - self.results
        self.retries = max(0, self.retries)
        if not self.is_refused:
            self.total = len(self.good) + len(self.bad)
            self.success = len(self.good & self.results)
            self.error = len(self.bad)
            self.errors = Counter((item, "not_an_id") for item in self.bad)
            self.vanished, self.lost = set(), set()
        if self.is_refused or not isinstance(self.given, list) or (not self.good and self.bad):
            self.status = "failed"
        else:
            self.status = "processing" if todo else "completed"
        self.remaining = len(todo) if self.status == "processing" else None
        self.audit.append(("planned" if self.status == "processing" else self.status, "pending", self.status))
        return todo

    def settle(self, done: set[int], failed: Sequence[tuple[int, str]]) -> None:
        """Count outcomes, and with the last one end the batch."""
        assert self.remaining is not None
        self.total = self.processed + self.remaining
        self.remaining -= len(done) + len(failed)
        self.success += len(done)
        self.error += len(failed)
        self.results |= done
        self.errors.update((json.dumps(item), code) for item, code in failed)
        if self.status == "processing" and self.remaining <= 0:
            self.status = "completed"
            self.audit.append(("completed", "processing", "completed"))


@dataclass(eq=False)
class ModelWorker:
    """A worker's open transaction: what it will change when it commits, and whom it makes wait meanwhile."""

    name: str
    locked: list[ModelSlice] = field(default_factory=list)  # to be treated
    dropped: list[ModelSlice] = field(default_factory=list)  # of batches that want no more work
    done: dict[int, set[int]] = field(default_factory=dict)  # by batch: items with an uncommitted result
    failed: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    has_settled: bool = False
    has_split: bool = False

    def keeps_batch(self, batch_id: int) -> bool:
        """Whether an uncommitted row refers to the batch, so that deleting it must wait."""
        return bool(self.done.get(batch_id)) or (self.has_settled and batch_id in self.batch_ids)

    def keeps_product(self, product_id: int) -> bool:
        return any(product_id in items for items in self.done.values())

    def writes_batch(self, batch_id: int) -> bool:
        """Whether it has counted items of the batch, so that any other change must wait."""
        return self.has_settled and batch_id in self.batch_ids

    @property
    def batch_ids(self) -> set[int]:
        return {slice.batch_id for slice in self.locked}

    def let_go(self) -> None:
        """The transaction is over, however it ended."""
        for slice in (*self.locked, *self.dropped):
            slice.holder = None
        self.locked, self.dropped, self.done, self.failed = [], [], {}, {}
        self.has_settled = self.has_split = False


@dataclass
class Model:
    """The whole queue."""

    batches: dict[int, ModelBatch] = field(default_factory=dict)
    deleted: dict[int, ModelBatch] = field(default_factory=dict)
    slices: dict[int, ModelSlice] = field(default_factory=dict)
    products: set[int] = field(default_factory=set)

    def in_turn(self) -> list[ModelSlice]:
        return sorted(self.slices.values(), key=lambda slice: slice.place)

    def of_batches(self, batch_ids: Iterable[int]) -> list[ModelSlice]:
        return [slice for slice in self.slices.values() if slice.batch_id in batch_ids]

    def next_claim(self, slice_size: int, tiny: int) -> list[ModelSlice]:
        """The first free slice in turn, and with a tiny one that was never tried its like, up to the slice size."""
        front = next((slice for slice in self.in_turn() if slice.is_free), None)
        if front is None or front.attempts > 0 or len(front.items) > tiny:
            return [front] if front else []
        taken, items = [front], 0
        for slice in [slice for slice in self.in_turn() if slice.is_taken_with(front, tiny)][: slice_size - 1]:
            items += len(slice.items)
            if items > slice_size - tiny:
                break
            taken.append(slice)
        return taken

    def drop(self, slices: Iterable[ModelSlice]) -> None:
        """Take slices away untreated."""
        for slice in slices:
            del self.slices[slice.id]
            if slice.batch_id in self.batches:
                self.batches[slice.batch_id].lost |= set(slice.items)

    def orphans(self) -> list[ModelBatch]:
        """Batches at work without anything to work on."""
        return [
            batch for batch in self.batches.values() if batch.status == "processing" and not self.of_batches([batch.id])
        ]

    def commit(self, worker: ModelWorker) -> None:
        """What a worker did becomes visible."""
        self.drop(worker.dropped)
        if worker.has_settled:
            for batch_id in worker.batch_ids:
                self.batches[batch_id].settle(worker.done.get(batch_id, set()), worker.failed.get(batch_id, []))
        if worker.has_settled or worker.has_split:
            for slice in worker.locked:
                del self.slices[slice.id]
        worker.let_go()
