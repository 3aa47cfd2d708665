"""A preparer's thread: makes batches ready to be cut into slices, one at a time, and holds no transaction meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import psycopg
import structlog

from daemon.database.failures import Effect, effect_of, summary
from daemon.database.pool import BoundedConnection, Pool
from daemon.engine.backoff import Backoff
from daemon.engine.events import announce_planned
from daemon.engine.life import BORROWING_S, Life
from daemon.engine.preparation import HeldBatch, Preparations, Taken
from daemon.engine.telemetry import PreparationEnd, Telemetry
from daemon.engine.wakeup import Wakeup
from daemon.engine.workload import BatchFailed, NotYet, PreparationEnded, Workload

log = structlog.get_logger()

MOST_TRIES = 8  # of a step that fails for a reason which the workload has no name for
MOST_DEATHS = 3  # processes that may die, or go silent, in one preparation
SWEEP_EVERY_S = 60.0  # at most, for what nobody waits for any more


class Crew:
    """What the preparers of one workload in this process share.

    Of the batches that a process has died with, one at a time is in hand here: so the one that is at fault is found
    out, and the others are not counted out with it. No more connections are borrowed at a time than are spared.
    """

    def __init__(self, connections: int = 1) -> None:
        self.turns = threading.BoundedSemaphore(connections)
        self._taking = threading.Lock()
        self._suspect: int | None = None
        self._swept_at = monotonic()

    def take(self, preparations: Preparations, conn: BoundedConnection, worker: str) -> Taken | None:
        with self._taking:
            taken = preparations.take(conn, worker, takes_suspects=self._suspect is None)
            if taken is not None and taken.is_suspect:
                self._suspect = taken.batch_id
            if taken is None and monotonic() - self._swept_at > SWEEP_EVERY_S:
                self._swept_at = monotonic()
                preparations.drop_unwanted(conn, worker)
            return taken

    def put_down(self, taken: Taken) -> None:
        if self._suspect == taken.batch_id:
            self._suspect = None


class Preparer:
    """Takes a batch, has the workload do a step, and says what became of it. Sleeps until the worker who looks out for
    work rings its bell: at rest it asks the server nothing."""

    def __init__(
        self,
        name: str,
        pool: Pool,
        preparations: Preparations,
        workload: Workload,
        crew: Crew,
        bell: Wakeup,
        on_ready: Wakeup,
        stop: threading.Event,
        backoff: Backoff,
        delays: Backoff,
        life: Life | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        """`on_ready` is the bell of those who cut and treat; `delays` is how long a failed step waits."""
        self.name = name
        self.connection: BoundedConnection | None = None  # in hand; others watch it, and may end what runs on it
        self.held: HeldBatch | None = None
        self._pool = pool
        self._preparations = preparations
        self._workload = workload
        self._crew = crew
        self._bell = bell
        self._on_ready = on_ready
        self._stop = stop
        self._backoff = backoff
        self._delays = delays
        self._life = life or Life()
        self._telemetry = telemetry or Telemetry()

    @property
    def acting(self) -> str | None:
        """In words, what is in hand."""
        held = self.held
        return f"preparing batch {held.batch_id} of {self._preparations.workload}" if held is not None else None

    def run(self) -> None:
        """Until stopped. A lost connection is expected; a step that fails is told and tried again."""
        with structlog.contextvars.bound_contextvars(worker=self.name, workload=self._preparations.workload):
            while not self._stop.is_set():
                try:
                    while self._step() and not self._stop.is_set():
                        pass
                    self._rest()
                except psycopg.Error as error:
                    self._step_back(error)

    def _rest(self) -> None:
        with self._bell.post() as is_relief:
            if not is_relief:
                self._bell.wait(threading.TIMEOUT_MAX)

    def _step(self) -> bool:
        """Whether there was something to do."""
        with self._borrow() as conn:
            taken = self._crew.take(self._preparations, conn, self.name)
        self._backoff.reset()
        if taken is None:
            return False
        self._bell.ring()  # where there is one there may be more
        self.held = HeldBatch(self._preparations, taken, self.name, self._borrow, self._stop, self._life)
        try:
            with structlog.contextvars.bound_contextvars(batch_id=taken.batch_id):
                self._prepare(taken, self.held)
        finally:
            self.held = None
            self._crew.put_down(taken)
        return True

    def _prepare(self, taken: Taken, held: HeldBatch) -> None:
        began = monotonic()
        try:
            if taken.deaths >= MOST_DEATHS:
                raise BatchFailed(f"Preparing it has ended {taken.deaths} processes.")
            again_after = self._workload.prepare(held)
        except PreparationEnded as reason:
            self._let_go(taken, str(reason))
        except BatchFailed as failure:
            self._fail(taken, str(failure))
        except NotYet as reason:
            self._put_off(held, str(reason), reason.delay)
        except Exception as error:  # noqa: BLE001  # a defect of one preparation must end neither the others nor the slices
            self._give_up(held, error)
        else:
            if again_after is None:
                self._release(taken, is_ready=True)
                log.info("batch.prepared", duration_ms=round((monotonic() - began) * 1000, 1))
                self._telemetry.prepared(self._preparations.workload, PreparationEnd.READY)
                self._on_ready.ring()
            else:
                self._release(taken, delay=again_after)

    def _let_go(self, taken: Taken, reason: str) -> None:
        log.info("preparation.ended", reason=reason)
        self._release(taken, tries=taken.tries)
        with self._borrow() as conn:
            self._preparations.drop_unwanted(conn, self.name)

    def _fail(self, taken: Taken, message: str) -> None:
        try:
            with self._borrow() as conn:
                failed = self._preparations.fail(conn, taken.batch_id, self.name, message)
        except PreparationEnded as reason:
            self._let_go(taken, str(reason))
        else:
            announce_planned(failed)
            self._telemetry.planned(self._preparations.workload, failed)
            self._telemetry.prepared(self._preparations.workload, PreparationEnd.FAILED)

    def _give_up(self, held: HeldBatch, error: Exception) -> None:
        if effect_of(error) is Effect.DATA and held.tries >= MOST_TRIES:
            self._fail(Taken(held.batch_id, 0, held.tries), f"It could not be prepared: {summary(error)}")
            return
        self._put_off(held, summary(error), None, error=None if isinstance(error, psycopg.Error) else error)

    def _put_off(self, held: HeldBatch, reason: str, delay: timedelta | None, error: Exception | None = None) -> None:
        delay = delay if delay is not None else timedelta(seconds=self._delays.after_s(held.tries))
        log.warning(
            "preparation.put_off",
            tries=held.tries,
            error=reason,
            retry_in_s=round(delay.total_seconds(), 2),
            exc_info=error,
        )
        self._release(Taken(held.batch_id, 0, held.tries), delay=delay, tries=held.tries)
        self._telemetry.prepared(self._preparations.workload, PreparationEnd.PUT_OFF)

    def _release(self, taken: Taken, *, delay: timedelta | None = None, tries: int = 0, is_ready: bool = False) -> None:
        with self._borrow() as conn:
            self._preparations.release(
                conn, taken.batch_id, self.name, delay=delay, tries=min(tries, 1_000), is_ready=is_ready
            )

    @contextmanager
    def _borrow(self) -> Iterator[BoundedConnection]:
        self._life.wait(lambda s: self._crew.turns.acquire(timeout=s), threading.TIMEOUT_MAX)
        try:
            self._life.beat(BORROWING_S)
            with self._pool.connection() as conn:
                self._life.beat()
                conn.spoke_at = monotonic()
                self.connection = conn
                try:
                    yield conn
                finally:
                    self.connection = None
        finally:
            self._crew.turns.release()

    def _step_back(self, error: Exception) -> None:
        delay_s = self._backoff.next_s()
        log.warning(
            "worker.waiting",
            error_type=type(error).__name__,
            error=summary(error),
            sqlstate=getattr(error, "sqlstate", None),
            retry_in_s=round(delay_s, 2),
        )
        self._life.wait(self._stop.wait, delay_s)
