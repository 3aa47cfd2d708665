"""The interface between the engine and a kind of work."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Protocol, Self

from psycopg import Connection


@dataclass(frozen=True, slots=True)
class BatchTable:
    """The tables of a workload, by the names PHP knows them by.

    The batch table has the columns id, status, retry_count, priority, created_at, started_at, completed_at,
    error_message, the JSON array of items named `items`, and the counters total_, processed_, success_ and
    error_<counted>, and remaining_<counted>, which is the engine's own.
    """

    name: str  # "categorization_batches"
    entity: str  # "categorization_batch": entity_type in audit_log
    items: str  # "product_ids": JSON array of ids, numbers or strings of digits
    counted: str  # "products": what the counters count
    results: str  # "predictions": one row per treated item, unique in `reference` and `result_item`
    result_item: str  # "product_id"
    errors: str  # "categorization_errors": `reference`, item, code, message, details
    reference: str = "batch_id"  # the column of results and errors that names the batch
    is_prepared: bool = False  # its batches are cut only after the workload has prepared them
    slice_size: int = 500  # items that one transaction treats at most

    @property
    def identifiers(self) -> Mapping[str, str]:
        """What statements about any kind of work leave open, by the name of the placeholder."""
        counters = ("total", "processed", "success", "error", "remaining")
        return {
            "batches": self.name,
            "items": self.items,
            "results": self.results,
            "result_item": self.result_item,
            "errors": self.errors,
            "reference": self.reference,
        } | {counter: f"{counter}_{self.counted}" for counter in counters}


class Item(NamedTuple):
    """One thing to treat: an id out of a batch's list."""

    batch_id: int
    id: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item: done when `code` is None, else an item error, final for this attempt."""

    item: Item
    code: str | None = None
    reason: str = ""
    details: Mapping[str, object] | None = None

    @classmethod
    def done(cls, item: Item) -> Self:
        return cls(item)

    @classmethod
    def failed(cls, item: Item, code: str, reason: str, details: Mapping[str, object] | None = None) -> Self:
        """`code` is stable, for programs; `reason` is a sentence for people; `details` is what else is known."""
        return cls(item, code, reason, details)


class Ended(NamedTuple):
    """A batch that is completed."""

    batch_id: int
    items: int  # all that it has, those in error included


def require_outcomes(items: Sequence[Item], outcomes: Sequence[Outcome]) -> None:
    """Raises ValueError unless there is exactly one outcome for each item."""
    if Counter(items) != Counter(outcome.item for outcome in outcomes):
        raise ValueError("a workload must return exactly one outcome for each item")


class WorkloadUnavailable(Exception):
    """Raised by a workload that cannot treat anything at the moment, whatever the items; the message says why."""


class BatchFailed(Exception):
    """Raised by a preparation when nothing of the batch can be treated; the message is for people."""


class NotYet(Exception):
    """Raised by a preparation that could not go on, for a reason that may pass; the message says why. It is called
    again after `delay`, or after one that doubles with each failure in a row."""

    def __init__(self, reason: str, delay: timedelta | None = None) -> None:
        super().__init__(reason)
        self.delay = delay


class PreparationEnded(Exception):
    """Raised by a hold: the batch is not to be prepared any further, or not by this thread. Let it pass."""


class Hold(Protocol):
    """A batch in the hands of a thread that prepares it.

    Nothing is locked meanwhile. The others believe the thread alive for a lease of some seconds; `keep` renews it.
    """

    batch_id: int
    tries: int  # how often in a row it was tried since a step succeeded, this time included

    def keep(self) -> None:
        """To be called at least once a second. Raises PreparationEnded."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """For what is to be written: it commits only if the batch is still held. To be over within a second or so.
        Raises PreparationEnded."""


class DutyInterrupted(Exception):
    """Raised by a duty that the daemon's stop has ended before its time: it is given back."""


class DutyFailed(Exception):
    """Raised by a duty that could not be done; the message says why, in a sentence for people."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a duty has to act with."""

    connection: Callable[[], AbstractContextManager[Connection]]  # not to be held while something else is waited for
    stop: threading.Event  # once it is set, the duty ends at once, by DutyInterrupted
    beat: Callable[[], None] = lambda: None  # a sign of life, every few seconds in which the server is not asked


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do again and again, in one instance of the whole fleet.

    `act` ends within the period, or another instance begins the next round beside it. Whatever it raises is told, and
    tried again later; it must bear being done twice.
    """

    name: str  # unique in the daemon: "categorization.learn"
    every: timedelta
    act: Callable[[Means], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it is now, for whoever watches the daemon."""

    name: str  # "model_version": small letters and _, with its unit at the end where it has one
    meaning: str  # a sentence for people
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)  # of few values: each makes a series of its own


class Workload(Protocol):
    """One kind of work. The engine plans, claims, locks, settles; the workload decides and writes."""

    name: str
    table: BatchTable
    workers: int  # threads of an instance that treat its slices
    preparers: int  # threads that prepare its batches; they wait for others most of the time

    def prepare(self, hold: Hold) -> timedelta | None:
        """Do the next step of what a batch needs before it can be cut into slices: such as waiting for a slow server.

        Outside of any transaction, for as long as it takes, while `hold` is kept. Returns None when the batch is ready:
        its list of items is in its row; otherwise, after how long to go on, perhaps in another process. Whatever it has
        done may be done again, for a process may die at any moment. Raises BatchFailed and NotYet; any other exception
        is like NotYet, some times. Only for workloads whose batches are prepared.
        """

    def process(self, conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        """Treat items inside the engine's transaction; results and settlement commit together.

        Each item names its batch: several tiny batches may share one call. One outcome per item, in any order. An
        item that cannot be treated is an Outcome, not an exception; after an exception the engine rolls back and
        calls again with halves, until the culprit stands alone. WorkloadUnavailable pauses the workload instead.
        Called by several threads at once.
        """

    def ended(self, conn: Connection, batches: Sequence[Ended]) -> None:
        """Look at batches that are completed, after the commit that completed them; there is at least one.

        Told at most once for each completion: a process that dies in between has not told it, and a batch that was set
        back is told again. The connection is in autocommit, outside of any transaction. The worker waits meanwhile: be
        brief, and for tiny batches, of which many come together, briefer. What is raised is logged and does no harm.
        Called by several threads at once.
        """

    def duties(self) -> Sequence[Duty]:
        """What it has to do apart from batches; the engine sees to it that one instance does it, in time."""

    def figures(self, conn: Connection) -> Iterable[Figure]:
        """What is to be seen of it from outside, beside what every kind of work has; read within milliseconds, however
        much there is. The connection is in autocommit. Called now and then, by any thread; what is raised is logged and
        does no harm."""
