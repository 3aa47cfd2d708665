"""Treats one claim: process and settle in one transaction, in halves when the data is at fault."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic

import structlog
from psycopg import Connection

from daemon.database.failures import Effect, effect_of, summary
from daemon.engine.backoff import Backoff
from daemon.engine.events import announce_cancelled, announce_completed
from daemon.engine.queue import Claim, Completed, Queue
from daemon.engine.workload import Item, Outcome, Workload, WorkloadUnavailable, require_outcomes

log = structlog.get_logger()

ITEMS_TOLD = 10  # failed items of a slice that are logged at info

Process = Callable[[Connection, Sequence[Item]], Sequence[Outcome]]


class EveryItemFailed(Exception):
    """Each of several items failed alone, with the same kind of error: it is not the items that are at fault."""


class NotTreated(Exception):
    """A claim was given up untouched; `delay_s` is when it is due again. The cause is chained."""

    def __init__(self, effect: Effect, delay_s: float) -> None:
        super().__init__(effect.name)
        self.effect = effect
        self.delay_s = delay_s


class Suspicion:
    """Whom to blame when all items of a slice fail alike: the world, which may get well again, until other work
    succeeds and shows that it is well; then the items. Without such a witness nothing is marked, for however long.
    Shared by the workers of a workload."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._suspects: set[int] = set()
        self._guilty: set[int] = set()

    def blames(self, slice_id: int) -> bool:
        return slice_id in self._guilty

    def add(self, slice_id: int) -> None:
        with self._lock:
            self._suspects.add(slice_id)

    def acquit_the_world(self, slice_id: int) -> None:
        """This slice succeeded as a whole."""
        with self._lock:
            self._guilty |= self._suspects - {slice_id}
            self._suspects.clear()

    def forget(self, slice_id: int) -> None:
        """This slice has come to its end."""
        with self._lock:
            self._suspects.discard(slice_id)
            self._guilty.discard(slice_id)


class SliceRunner:
    """Runs the claims of one worker thread."""

    def __init__(
        self,
        queue: Queue,
        workload: Workload,
        backoff: Backoff,
        cancelled: threading.Event,
        suspicion: Suspicion | None = None,
    ) -> None:
        self._queue = queue
        self._workload = workload
        self._backoff = backoff
        self._cancelled = cancelled
        self._suspicion = suspicion or Suspicion()

    def treat(self, conn: Connection, claim: Claim) -> None:
        """Treat a claim to its end. Raises NotTreated when that must wait; the caller then releases the claim."""
        if claim.is_recovered:
            log.warning("slice.recovered", **_keys(claim))
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
            else:
                self._backoff.reset()
                return
        assert failure is not None  # noqa: S101  # the loop ends here only after a failure
        raise self._not_treated(claim, failure) from failure

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
        self._suspicion.forget(slice_id)

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
            outcomes = process(conn, items)
            if self._cancelled.is_set():
                raise InterruptedError("stopped before the commit")
            completed = self._queue.settle(conn, slices, outcomes)
        self._report(claim, outcomes, completed, monotonic() - began)

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

    def _not_treated(self, claim: Claim, error: Exception) -> NotTreated:
        if self._cancelled.is_set():
            return NotTreated(Effect.TRANSIENT, 0.0)
        delay_s = self._backoff.next_s()
        effect = Effect.TRANSIENT if _effect_of(error) is Effect.TRANSIENT else Effect.ENVIRONMENT
        event = "slice.retried" if effect is Effect.TRANSIENT else "workload.paused"
        log.warning(
            event,
            **_keys(claim),
            error_type=type(error).__name__,
            error=summary(error),
            sqlstate=getattr(error, "sqlstate", None),
            retry_in_s=round(delay_s, 2),
        )
        return NotTreated(effect, delay_s)

    def _report(
        self, claim: Claim, outcomes: Sequence[Outcome], completed: Sequence[Completed], duration_s: float
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


def _effect_of(error: Exception) -> Effect:
    return Effect.ENVIRONMENT if isinstance(error, WorkloadUnavailable) else effect_of(error)


def _keys(claim: Claim) -> dict[str, int]:
    """What every event of a claim has; a group of tiny slices goes by its first."""
    first = claim.slices[0]
    return {
        "batch_id": first.batch_id,
        "slice_id": first.id,
        "items": sum(slice.item_count for slice in claim.slices),
        "attempt": first.attempts,
    }


def _declare_deadly(_conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
    reason = "the process that treated this item died each time it was tried"
    return [Outcome.failed(item, "worker_died", reason) for item in items]
