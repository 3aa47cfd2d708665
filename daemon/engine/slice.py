"""Treats one claim: process and settle in one transaction, in halves when the data is at fault."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic

import structlog
from psycopg import Connection
from psycopg.pq import TransactionStatus

from daemon.database.failures import Effect, effect_of, is_out_of_time, summary
from daemon.engine.backoff import Backoff
from daemon.engine.events import announce_cancelled, announce_completed
from daemon.engine.queue import Claim, Queue, Settled
from daemon.engine.telemetry import Mishap, Telemetry
from daemon.engine.workload import Ended, Item, Outcome, Workload, WorkloadUnavailable, require_outcomes

log = structlog.get_logger()

FREE_LOSSES = 3  # connections that may be lost in a slice, in a row, before that counts as its own doing
REMEMBERED = 10_000  # slices that were given back; some of them others have finished meanwhile
ITEMS_TOLD = 10  # failed items of a slice that are logged at info

Process = Callable[[Connection, Sequence[Item]], Sequence[Outcome]]


class EveryItemFailed(Exception):
    """Each of several items failed alone, with the same kind of error: it is not the items that are at fault."""


class NotTreated(Exception):
    """A claim was given up untouched; `delay_s` is when it is due again. The cause is chained. The attempt counts when
    the items took too long, or end their session each time: were it given back, they would be tried for ever."""

    def __init__(self, effect: Effect, delay_s: float, *, counts: bool = False) -> None:
        super().__init__(effect.name)
        self.effect = effect
        self.delay_s = delay_s
        self.counts = counts


class Suspicion:
    """What is remembered of slices that were not treated. Shared by the workers of a workload.

    Whom to blame when all items of a slice fail alike: the world, which may get well again, until other work
    succeeds and shows that it is well, or patience ends; then the items.
    """

    def __init__(self, patience: timedelta = timedelta(minutes=5)) -> None:
        self._patience_s = patience.total_seconds()
        self._lock = threading.Lock()
        self._suspects: dict[int, float] = {}  # slices, with the time when patience with them ends
        self._retries: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()

    def retried(self, slice_id: int) -> int:
        """How often in a row this slice was given back for a reason that passes, this time included."""
        return self._count(self._retries, slice_id)

    def lost(self, slice_id: int) -> int:
        """How often in a row its connection was lost, this time included."""
        return self._count(self._losses, slice_id)

    def _count(self, counter: Counter[int], slice_id: int) -> int:
        with self._lock:
            if len(counter) >= REMEMBERED:
                counter.clear()
            counter[slice_id] += 1
            return counter[slice_id]

    def blames(self, slice_id: int) -> bool:
        return self._suspects.get(slice_id, math.inf) <= monotonic()

    def add(self, slice_id: int) -> None:
        with self._lock:
            self._suspects.setdefault(slice_id, monotonic() + self._patience_s)

    def acquit_the_world(self, slice_id: int) -> None:
        """This slice succeeded as a whole."""
        with self._lock:
            self._suspects.pop(slice_id, None)
            self._suspects = dict.fromkeys(self._suspects, -math.inf)

    def forget(self, slice_id: int) -> None:
        """This slice has come to its end."""
        with self._lock:
            for remembered in (self._suspects, self._retries, self._losses):
                remembered.pop(slice_id, None)


class SliceRunner:
    """Runs the claims of one worker thread."""

    def __init__(
        self,
        queue: Queue,
        workload: Workload,
        backoff: Backoff,
        cancelled: threading.Event,
        suspicion: Suspicion | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._queue = queue
        self._workload = workload
        self._backoff = backoff
        self._cancelled = cancelled
        self._suspicion = suspicion or Suspicion()
        self._telemetry = telemetry or Telemetry()

    def treat(self, conn: Connection, claim: Claim) -> None:
        """Treat a claim to its end. Raises NotTreated when that must wait; the caller then releases the claim."""
        if claim.is_recovered:
            log.warning("slice.recovered", **_keys(claim))
            self._telemetry.stumbled(self._queue.workload, Mishap.RECOVERED)
        ways = [self._set_apart] if claim.is_spent else [self._in_one, self._in_halves]
        failure: Exception | None = None
        for way in ways:
            try:
                way(conn, claim)
            except Exception as error:  # noqa: BLE001  # the one place where a slice's failure is weighed
                failure = error
                if (
                    self._cancelled.is_set()
                    or _effect_of(error) is not Effect.DATA
                    or isinstance(error, EveryItemFailed)
                ):
                    break
                log.warning(
                    "slice.halved",
                    **_keys(claim),
                    error_type=type(error).__name__,
                    sqlstate=getattr(error, "sqlstate", None),
                )
                self._telemetry.stumbled(self._queue.workload, Mishap.HALVED)
            else:
                self._backoff.reset()
                self._suspicion.forget(claim.slices[0].id)
                return
        assert failure is not None  # noqa: S101  # the loop ends here only after a failure
        raise self._not_treated(conn, claim, failure) from failure

    def _in_one(self, conn: Connection, claim: Claim) -> None:
        self._commit(conn, claim, self._workload.process)
        self._suspicion.acquit_the_world(claim.slices[0].id)

    def _in_halves(self, conn: Connection, claim: Claim) -> None:
        slice_id = claim.slices[0].id
        try:
            self._commit(conn, claim, partial(self._process_in_halves, self._suspicion.blames(slice_id)))
        except EveryItemFailed:
            self._suspicion.add(slice_id)
            raise

    def _set_apart(self, conn: Connection, claim: Claim) -> None:
        """What has ended its workers too often: a slice is cut into single items, a single item becomes an error."""
        with conn.transaction():
            for slice in self._queue.lock(conn, claim, announce_cancelled):
                if len(slice.items) > 1:
                    self._queue.split(conn, slice)
                    return
        self._commit(conn, claim, _declare_deadly)

    def _commit(self, conn: Connection, claim: Claim, process: Process) -> None:
        began = monotonic()
        with conn.transaction():
            slices = self._queue.lock(conn, claim, announce_cancelled)
            items = [Item(slice.batch_id, item) for slice in slices for item in slice.items]
            if not items:
                return
            self._telemetry.began(self._queue.workload, slices)
            outcomes = process(conn, items)
            if self._cancelled.is_set():
                raise InterruptedError("stopped before the commit")
            settled = self._queue.settle(conn, slices, outcomes)
        self._telemetry.counted(self._queue.workload, settled)
        completed = [batch for batch in settled if batch.is_completed]
        self._report(claim, outcomes, completed, monotonic() - began)
        self.tell_ended(conn, [Ended(batch.id, batch.items) for batch in completed])

    def tell_ended(self, conn: Connection, batches: Sequence[Ended]) -> None:
        """Let the workload look at batches that were completed just now. Whatever comes of it, the worker goes on."""
        if not batches:
            return
        try:
            self._workload.ended(conn, batches)
        except Exception as error:  # noqa: BLE001  # what was to be done is done; this is a remark on it
            log.warning(
                "batch.unremarked",
                batch_id=batches[0].batch_id,
                batches=len(batches),
                error_type=type(error).__name__,
                error=summary(error),
                sqlstate=getattr(error, "sqlstate", None),
            )
        finally:
            if not conn.closed and conn.info.transaction_status is not TransactionStatus.IDLE:
                conn.rollback()  # it may have left one open, and the next claim must not be part of that

    def _process_in_halves(self, items_are_blamed: bool, conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        culprits: list[Exception] = []
        outcomes = self._halve(conn, items, culprits)
        if (
            not items_are_blamed
            and len(items) > 1
            and len(culprits) == len(items)
            and len({type(culprit) for culprit in culprits}) == 1
        ):
            raise EveryItemFailed(summary(culprits[0])) from culprits[0]
        return outcomes

    def _halve(self, conn: Connection, items: Sequence[Item], culprits: list[Exception]) -> list[Outcome]:
        try:
            with conn.transaction():  # a savepoint: the slice's lock is kept throughout
                outcomes = list(self._workload.process(conn, items))
                require_outcomes(items, outcomes)
                conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
                return outcomes
        except Exception as error:
            if self._cancelled.is_set() or _effect_of(error) is not Effect.DATA:
                raise
            if len(items) == 1:
                culprits.append(error)
                return [Outcome.failed(items[0], "refused", f"{type(error).__name__}: {summary(error)}")]
        middle = len(items) // 2
        return self._halve(conn, items[:middle], culprits) + self._halve(conn, items[middle:], culprits)

    def _not_treated(self, conn: Connection, claim: Claim, error: Exception) -> NotTreated:
        if self._cancelled.is_set():
            return NotTreated(Effect.TRANSIENT, 0.0)
        slice_id = claim.slices[0].id
        if _effect_of(error) is Effect.TRANSIENT:
            effect, event, mishap = Effect.TRANSIENT, "slice.retried", Mishap.RETRIED
            delay_s = self._backoff.after_s(self._suspicion.retried(slice_id))  # its own: other work goes on
        else:
            effect, event, mishap = Effect.ENVIRONMENT, "workload.paused", Mishap.PAUSED
            delay_s = self._backoff.next_s()
        counts = is_out_of_time(error) or (conn.closed and self._suspicion.lost(slice_id) > FREE_LOSSES)
        log.warning(
            event,
            **_keys(claim),
            error_type=type(error).__name__,
            error=summary(error),
            sqlstate=getattr(error, "sqlstate", None),
            retry_in_s=round(delay_s, 2),
        )
        self._telemetry.stumbled(self._queue.workload, mishap)
        return NotTreated(effect, delay_s, counts=counts)

    def _report(
        self, claim: Claim, outcomes: Sequence[Outcome], completed: Sequence[Settled], duration_s: float
    ) -> None:
        log.debug(
            "slice.settled",
            **_keys(claim) | {"items": len(outcomes)},
            slices=len(claim.slices),
            duration_ms=round(duration_s * 1000, 1),
        )
        failed = [outcome for outcome in outcomes if outcome.code is not None]
        for number, outcome in enumerate(failed):
            tell = log.info if number < ITEMS_TOLD else log.debug  # the table has them all
            tell(
                "item.failed",
                batch_id=outcome.item.batch_id,
                item=outcome.item.id,
                code=outcome.code,
                reason=outcome.reason,
            )
        announce_completed(completed)
        codes = Counter(str(outcome.code) for outcome in failed)
        self._telemetry.settled(self._queue.workload, len(claim.slices), len(outcomes), codes, completed, duration_s)


def _effect_of(error: Exception) -> Effect:
    return Effect.ENVIRONMENT if isinstance(error, WorkloadUnavailable) else effect_of(error)


def _keys(claim: Claim) -> dict[str, int]:
    """What every event of a claim has; a group of tiny slices goes by its first."""
    first = claim.slices[0]
    return {
        "batch_id": first.batch_id,
        "slice_id": first.id,
        "items": claim.item_count,
        "attempt": first.attempts,
    }


def _declare_deadly(_conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
    reason = "whatever treated this item was lost each time: the process, its session, or it took too long"
    return [Outcome.failed(item, "worker_died", reason) for item in items]
