"""The queue of one workload: plan, claim, lock, settle. The only place that changes a batch's status."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow, class_row, scalar_row
from psycopg.types.json import Jsonb

from daemon.database.failures import Effect, effect_of, storable, summary
from daemon.database.pool import bounded
from daemon.database.statements import load, statement
from daemon.engine.status import BatchStatus
from daemon.engine.workload import BatchTable, Item, Outcome, require_outcomes

RETRY_LIMIT = 3  # a batch set back this often is refused
SLICE_DEATHS = 2  # workers that may die in a slice before it is cut into single items
MOST_PUT_OFF, LONGEST_PUT_OFF_S = 10_000, 60.0  # batches that cannot be planned at the moment
ITEM_DEATHS = 3  # workers that may die in a single item before it becomes an item error


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the queue waits for what, by the database's clock."""

    grace: timedelta = timedelta(milliseconds=400)  # between a claim's commit and its lock
    frozen: timedelta = timedelta(seconds=30)  # a client silent in the middle of a transaction
    longest_delay: timedelta = timedelta(minutes=5)  # no slice is put off for longer, and no preparation
    lease: timedelta = timedelta(seconds=15)  # a silent holder of a preparation
    endless: timedelta = timedelta(minutes=5)  # a statement that treats a slice


@dataclass(frozen=True, slots=True)
class Planned:
    """A batch as planning left it: processing, or already at its end. Without a status, it could not be planned yet."""

    id: int
    status: str | None
    error_message: str | None
    retry_count: int
    items: int
    success: int
    errors: int
    wait_s: float

    @property
    def items_left(self) -> int:
        return self.items - self.success - self.errors if self.status == BatchStatus.PROCESSING else 0

    @property
    def refused(self) -> int:
        """Entries that planning found to be no ids; of a batch that was set back too often, nothing was looked at."""
        return self.errors if self.retry_count < RETRY_LIMIT else 0


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch of which slices were just settled, as that left it."""

    id: int
    status: str
    remaining: int
    retry_count: int
    items: int
    success: int
    errors: int
    wait_s: float
    duration_s: float

    @property
    def is_open(self) -> bool:
        return self.status == BatchStatus.PROCESSING

    @property
    def is_completed(self) -> bool:
        """Whether that was its last slice."""
        return self.status == BatchStatus.COMPLETED and self.remaining == 0


@dataclass(frozen=True, slots=True)
class ClaimedSlice:
    id: int
    batch_id: int
    attempts: int  # this one included
    item_count: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Slices that one worker took together, not yet locked. Never empty."""

    worker: str
    slices: Sequence[ClaimedSlice]

    @property
    def slice_ids(self) -> list[int]:
        return [slice.id for slice in self.slices]

    @property
    def item_count(self) -> int:
        return sum(slice.item_count for slice in self.slices)

    @property
    def is_recovered(self) -> bool:
        """Whether an earlier worker died in it; such a slice is claimed alone."""
        return self.slices[0].attempts > 1

    @property
    def is_spent(self) -> bool:
        """Whether it has ended as many workers as it may."""
        first = self.slices[0]
        return first.attempts > (ITEM_DEATHS if first.item_count == 1 else SLICE_DEATHS)


@dataclass(frozen=True, slots=True)
class Slice:
    """Up to N items of one batch, locked by the transaction that will settle them."""

    id: int
    batch_id: int
    items: Sequence[int]
    batch_status: str | None  # None when the batch is gone

    @property
    def is_wanted(self) -> bool:
        return self.batch_status == BatchStatus.PROCESSING


@dataclass(frozen=True, slots=True)
class Backlog:
    """What there is to do, whoever may do it."""

    to_plan: bool
    to_treat: bool
    processing: bool
    preparing: bool = False
    to_prepare: bool = False  # by nobody yet

    @property
    def is_open(self) -> bool:
        return self.to_plan or self.to_treat or self.processing or self.preparing


@dataclass(frozen=True, slots=True)
class FrozenSession:
    pid: int
    application_name: str
    ended: bool


class NotPlanned(Exception):
    """A pending batch is put off: something is in the way of planning it, and others go first. The cause is chained."""

    def __init__(self, batch_id: int, delay_s: float) -> None:
        super().__init__(f"batch {batch_id}")
        self.batch_id = batch_id
        self.delay_s = delay_s


class Queue:
    """One workload's queue. Connections come in autocommit; `lock`, `settle` and `split` run in the caller's
    transaction, every other method in one of its own. Errors are psycopg's."""

    def __init__(self, workload: str, table: BatchTable, instance: str, timing: Timing | None = None) -> None:
        load("daemon.engine")
        self.workload = workload
        self.table = table
        self._identifiers = table.identifiers
        self._instance = instance
        self.timing = timing or Timing()
        self._tiny = max(1, table.slice_size // 50)  # items
        self._put_off: dict[int, tuple[int, float]] = {}  # batches: how often, and until when by the monotonic clock

    def plan(
        self, conn: Connection, limit: int = 200, on_put_off: Callable[[NotPlanned], object] = lambda _: None
    ) -> list[Planned]:
        """Cut up to `limit` pending batches into slices; empty when none waits, or others hold them.

        A batch that the server cannot plan becomes `failed`; the others go on. One that is not at fault itself, such as
        a list too long for a full disk, is tried again later: `on_put_off` is told.
        """
        try:
            return self._plan(conn, limit)
        except Exception as error:
            if effect_of(error) is Effect.TRANSIENT:
                raise
        for _ in range(limit):
            try:
                return self._plan_one(conn)
            except NotPlanned as failure:
                on_put_off(failure)
        return []

    def _plan(self, conn: Connection, limit: int) -> list[Planned]:
        after = -1
        while True:
            with bounded(conn):
                found = self._cut(conn, limit, after, self._still_put_off())
            planned = _only_planned(found)
            if planned or not found:
                return planned
            after = found[-1].id  # somebody still holds slices of them: those behind need not wait for that

    def _plan_one(self, conn: Connection) -> list[Planned]:
        after = -1
        while True:
            with conn.transaction():
                batch_id = self._lock_pending(conn, after)
                if batch_id is None:
                    return []
                try:
                    with conn.transaction():
                        planned = _only_planned(self._cut(conn, 1, after=batch_id - 1, put_off=[]))  # it alone
                except Exception as error:
                    effect = effect_of(error)
                    if effect is Effect.TRANSIENT:
                        raise
                    if effect is Effect.ENVIRONMENT:
                        raise self._not_planned(batch_id) from error
                    message = f"The batch could not be planned: {summary(error)}"
                    planned = self.fail(conn, batch_id, message)
            if planned:
                return planned
            after = batch_id

    def fail(self, conn: Connection, batch_id: int, message: str) -> list[Planned]:
        """End a pending batch that cannot be planned at all; the caller has it locked."""
        return self._planned(conn, "fail", {"batch_id": batch_id, "message": storable(message)})

    def _not_planned(self, batch_id: int) -> NotPlanned:
        if len(self._put_off) >= MOST_PUT_OFF:
            self._put_off.clear()
        times, _ = self._put_off.get(batch_id, (0, 0.0))
        delay_s = min(2.0**times, LONGEST_PUT_OFF_S)
        self._put_off[batch_id] = times + 1, monotonic() + delay_s
        return NotPlanned(batch_id, delay_s)

    def _lock_pending(self, conn: Connection, after: int) -> int | None:
        row = self._execute(conn, "lock_pending", {"after": after, "put_off": self._still_put_off()}).fetchone()
        return row[0] if row else None

    def _still_put_off(self) -> list[int]:
        return [batch_id for batch_id, (_, until) in list(self._put_off.items()) if until > monotonic()]

    def _cut(self, conn: Connection, limit: int, after: int, put_off: Sequence[int]) -> list[Planned]:
        parameters = {
            "limit": limit,
            "small": 2048,
            "after": after,
            "put_off": list(put_off),
            "slice_size": self.table.slice_size,
            "items_column": self.table.items,
        }
        found = self._planned(conn, "plan", parameters)
        for batch in _only_planned(found):
            self._put_off.pop(batch.id, None)
        return found

    def _planned(self, conn: Connection, name: str, parameters: Mapping[str, object]) -> list[Planned]:
        with conn.cursor(row_factory=class_row(Planned)) as cursor:
            return cursor.execute(self._statement(name), self._parameters(parameters)).fetchall()

    def claim(self, conn: Connection, worker: str) -> Claim | None:
        """Take the next slice, or a group of tiny ones, and count the attempt. None when there is nothing to take."""
        parameters = {
            "worker": worker,
            "slice_size": self.table.slice_size,
            "tiny": self._tiny,
            "grace": self.timing.grace,
            "frozen": self.timing.frozen,
        }
        with conn.cursor(row_factory=class_row(ClaimedSlice)) as cursor:
            slices = cursor.execute(self._statement("claim"), self._parameters(parameters)).fetchall()
        return Claim(worker, slices) if slices else None

    def is_tiny(self, claim: Claim) -> bool:
        """Whether a claim is as short as a single slice that is treated together with others."""
        return claim.item_count <= self._tiny

    def lock(
        self, conn: Connection, claim: Claim, on_dropped: Callable[[Sequence[Slice]], None] = lambda _: None
    ) -> list[Slice]:
        """Lock what is still the worker's own. Batches that want no more work lose their free slices; `on_dropped`
        is told the claim's own among these."""
        endless = f"{round(self.timing.endless.total_seconds() * 1000)}ms"
        parameters = {"slice_ids": claim.slice_ids, "worker": claim.worker, "endless": endless}
        with conn.cursor(row_factory=class_row(Slice)) as cursor:
            found = cursor.execute(self._statement("lock"), parameters).fetchall()
        unwanted = [slice for slice in found if not slice.is_wanted]
        if unwanted:
            self._execute(conn, "drop_slices", {"batch_ids": sorted({slice.batch_id for slice in unwanted})})
            on_dropped(unwanted)
        return [slice for slice in found if slice.is_wanted]

    def settle(self, conn: Connection, slices: Sequence[Slice], outcomes: Sequence[Outcome]) -> list[Settled]:
        """Record item errors, count, delete the slices; returns their batches.

        Raises ValueError unless there is exactly one outcome for each item of the slices.
        """
        require_outcomes([Item(slice.batch_id, item) for slice in slices for item in slice.items], outcomes)
        failed = [outcome for outcome in outcomes if outcome.code is not None]
        if failed:
            self._record_errors(conn, failed)
        total = Counter(outcome.item.batch_id for outcome in outcomes)
        failures = Counter(outcome.item.batch_id for outcome in failed)
        batch_ids = sorted(total)
        parameters = {
            "slice_ids": [slice.id for slice in slices],
            "batch_ids": batch_ids,
            "successes": [total[batch_id] - failures[batch_id] for batch_id in batch_ids],
            "failures": [failures[batch_id] for batch_id in batch_ids],
        }
        with conn.cursor(row_factory=class_row(Settled)) as cursor:
            return cursor.execute(self._statement("settle"), self._parameters(parameters)).fetchall()

    def _record_errors(self, conn: Connection, failed: Sequence[Outcome]) -> None:
        parameters = {
            "batch_ids": [outcome.item.batch_id for outcome in failed],
            "items": [outcome.item.id for outcome in failed],
            "codes": [outcome.code for outcome in failed],
            "messages": [storable(outcome.reason) for outcome in failed],
            "details": [None if outcome.details is None else Jsonb(outcome.details) for outcome in failed],
        }
        self._execute(conn, "record_errors", parameters)

    def split(self, conn: Connection, slice: Slice) -> None:
        """Cut a locked slice into single items, each claimed alone from now on."""
        self._execute(conn, "split", {"slice_id": slice.id})

    def release(self, conn: Connection, claim: Claim, delay: timedelta, *, forgives: bool = True) -> None:
        """Give a claim back untreated; it is due again after `delay`, and the attempt does not count if forgiven."""
        delay = min(delay, self.timing.longest_delay)
        parameters = {
            "slice_ids": claim.slice_ids,
            "worker": claim.worker,
            "delay": delay,
            "forgiven": int(forgives),
        }
        self._execute(conn, "release", parameters)

    def backlog(self, conn: Connection) -> Backlog:
        """What there is to do, in one statement."""
        with conn.cursor(row_factory=class_row(Backlog)) as cursor:
            found = cursor.execute(self._statement("backlog"), self._parameters({})).fetchone()
        assert found is not None  # noqa: S101  # a SELECT without FROM has one row
        return found

    def call(self, name: str, parameters: Mapping[str, object]) -> tuple[bytes, dict[str, object]]:
        """A statement about this workload's batches, with what it needs to be executed."""
        return self._statement(name), self._parameters(parameters)

    def adopt_orphans(self, conn: Connection) -> list[int]:
        """Set batches back that are processing and have no slices; returns their ids."""
        with conn.transaction(), conn.cursor(row_factory=scalar_row) as cursor:
            cursor.execute("SELECT set_config('catalogd.actor', 'daemon', true)")
            return cursor.execute(self._statement("adopt_orphans"), self._parameters({})).fetchall()

    def end_frozen(self, conn: Connection) -> list[FrozenSession]:
        """End sessions whose client went silent inside a transaction; their slices are free at once."""
        with conn.cursor(row_factory=class_row(FrozenSession)) as cursor:
            cursor.execute(self._statement("end_frozen"), {"bound": self.timing.frozen})
            return cursor.fetchall()

    def retry(self, conn: Connection, batch_id: int) -> bool:
        """Set a batch back for what is left of it, as PHP does. False when there is no such batch at an end, or it was
        set back as often as it may be."""
        allowed = [BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.CANCELLED]
        return self._order(conn, batch_id, BatchStatus.PENDING, allowed, retries=1)

    def cancel(self, conn: Connection, batch_id: int) -> bool:
        """Stop a batch: no further slice starts. False when there is no such batch open."""
        return self._order(conn, batch_id, BatchStatus.CANCELLED, [BatchStatus.PENDING, BatchStatus.PROCESSING])

    def _order(
        self,
        conn: Connection,
        batch_id: int,
        status: BatchStatus,
        allowed: Sequence[BatchStatus],
        retries: int = 0,
    ) -> bool:
        parameters = {
            "batch_id": batch_id,
            "status": status.value,
            "allowed": list(map(str, allowed)),
            "retries": retries,
        }
        with conn.transaction():
            conn.execute("SELECT set_config('catalogd.actor', 'operator', true)")
            return self._execute(conn, "set_status", parameters).rowcount == 1

    def _statement(self, name: str) -> bytes:
        return statement("daemon.engine", name, **self._identifiers)

    def _parameters(self, parameters: Mapping[str, object]) -> dict[str, object]:
        common = {
            "workload": self.workload,
            "entity": self.table.entity,
            "instance": self._instance,
            "is_prepared": self.table.is_prepared,
            "retry_limit": RETRY_LIMIT,
            "longest_delay": self.timing.longest_delay,
            "lease": self.timing.lease,
        }
        return common | dict(parameters)

    def _execute(self, conn: Connection, name: str, parameters: Mapping[str, object]) -> Cursor[TupleRow]:
        return conn.execute(self._statement(name), self._parameters(parameters))


def _only_planned(found: Sequence[Planned]) -> list[Planned]:
    return [batch for batch in found if batch.status is not None]
