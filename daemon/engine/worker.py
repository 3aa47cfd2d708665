"""A worker thread: plans or claims while there is work, then rests until the bell rings."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import psycopg
import structlog
from psycopg import Connection

from daemon.database.failures import Effect, effect_of, summary
from daemon.database.pool import BoundedConnection, Pool
from daemon.engine.backoff import Backoff
from daemon.engine.company import Company, Crowded
from daemon.engine.events import announce_planned
from daemon.engine.life import BORROWING_S, Life
from daemon.engine.queue import Backlog, Claim, NotPlanned, Planned, Queue
from daemon.engine.readiness import Readiness
from daemon.engine.slice import NotTreated, SliceRunner
from daemon.engine.status import BatchStatus
from daemon.engine.telemetry import Telemetry
from daemon.engine.wakeup import Wakeup
from daemon.engine.workload import Ended

log = structlog.get_logger()

DATABASE, WORKLOAD = "database", "workload"  # what there may be trouble with
AT_WORK = Backlog(to_plan=False, to_treat=False, processing=True)  # what the one knows who left the post for work
PLANS_LAST_S = 5.0  # of work: a session's plans were made for the tables as they were when it first met them
PAUSE_S = 1.0  # at most, after a failure that is nobody's: the slice itself is put off for longer


@dataclass(frozen=True, slots=True)
class Pace:
    """How often an instance looks for work that no bell announced."""

    look_again: timedelta = timedelta(milliseconds=200)  # while a batch is open, though others may hold it
    safety_poll: timedelta = timedelta(seconds=60)  # while nothing is open
    patrol: timedelta = timedelta(seconds=5)  # between searches for frozen sessions, while a batch is open


class Lookout:
    """What the resting workers of one workload share: one of them looks out for work, the others sleep until it has
    found some."""

    def __init__(
        self,
        wakeup: Wakeup,
        pace: Pace,
        on_look: Callable[[bool], None] = lambda _: None,
        preparers: Wakeup | None = None,
        table: str = "",
    ) -> None:
        """`table` is where notifications say that there is work."""
        self.wakeup = wakeup
        self.table = table
        self.preparers = preparers or Wakeup()  # the bell of those who prepare batches
        self.is_deaf = threading.Event()  # no bell can be heard: the poll must be short
        self._pace = pace
        self._on_look = on_look
        self._next_patrol = 0.0
        self._next_ring = 0.0

    def wait(self, backlog: Backlog) -> bool:
        """Until the bell rings (True) or it is time to look again (False)."""
        self._on_look(backlog.is_open)
        is_watchful = backlog.is_open or self.is_deaf.is_set()
        pause = self._pace.look_again if is_watchful else self._pace.safety_poll
        return self.wakeup.wait(pause.total_seconds())

    def ring_the_preparers(self) -> None:
        """Now and then, while nobody stands at the post to see that there is something to prepare."""
        now = monotonic()
        if now >= self._next_ring:
            self._next_ring = now + self._pace.look_again.total_seconds()
            self.preparers.ring()

    def is_patrol_due(self) -> bool:
        """True once per patrol interval, to whichever worker asks first. A race costs one more search."""
        now = monotonic()
        if now < self._next_patrol:
            return False
        self._next_patrol = now + self._pace.patrol.total_seconds()
        return True


class Worker:
    """Owns its slice from claim to commit. Borrows one connection for as long as there is work."""

    def __init__(
        self,
        name: str,
        pool: Pool,
        queue: Queue,
        runner: SliceRunner,
        lookout: Lookout,
        company: Company,
        stop: threading.Event,
        backoff: Backoff,
        readiness: Readiness,
        life: Life | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.name = name
        self.connection: BoundedConnection | None = None  # in hand; others watch it, and may end what runs on it
        self._pool = pool
        self._queue = queue
        self._runner = runner
        self._lookout = lookout
        self._company = company
        self._stop = stop
        self._backoff = backoff
        self._readiness = readiness
        self._life = life or Life()
        self._telemetry = telemetry or Telemetry()
        self._unreleased: tuple[Claim, NotTreated] | None = None

    def run(self) -> None:
        """Until stopped. A lost connection is expected; anything else that gets out is a bug."""
        with structlog.contextvars.bound_contextvars(worker=self.name, workload=self._queue.workload):
            while not self._stop.is_set():
                try:
                    self._work()
                    self._rest()
                except psycopg.Error as error:
                    self._step_back(error)

    def _work(self) -> None:
        """Treat what can be claimed, until nothing is left."""
        with self._borrow() as conn:
            self._release_unreleased(conn)
            while not self._stop.is_set():
                self._life.beat()
                began = monotonic()
                try:
                    is_busy = self._step(conn)
                except Crowded:  # a slice beside us takes long: others may do better
                    is_busy = False
                self._fare_well()
                if not is_busy:
                    return
                if self._queue.table.is_prepared:
                    self._lookout.ring_the_preparers()
                self._patrol(conn)
                self._plan_anew(conn, monotonic() - began)

    def _plan_anew(self, conn: BoundedConnection, worked_s: float) -> None:
        conn.worked_s += worked_s
        if conn.worked_s > PLANS_LAST_S and conn.bounds_of_transactions is None:  # else the plans are others', too
            conn.execute("DISCARD PLANS")
            conn.worked_s = 0.0

    @contextmanager
    def _borrow(self) -> Iterator[BoundedConnection]:
        self._life.beat(BORROWING_S)
        with self._pool.connection() as conn:
            self._life.beat()
            conn.spoke_at = monotonic()
            self.connection = conn
            try:
                yield conn
            finally:
                self.connection = None

    def _step(self, conn: Connection) -> bool:
        with self._company.beside_others():
            planned, obstacle = self._plan(conn)
            claim = self._queue.claim(conn, self.name)
            if (planned or claim) and not self._is_all(planned, claim):
                # Where there is work there may be more: wake the next, and before the slice, which may take long.
                self._lookout.wakeup.ring()
            if claim is not None and not claim.is_recovered:
                self._treat(conn, claim)
        if claim is not None and claim.is_recovered:
            self._treat_alone(conn, claim)
        if obstacle is not None and not planned and claim is None:  # it may be in the way of everything
            self._readiness.lose(WORKLOAD, self._queue.workload, summary(obstacle.__cause__ or obstacle))
            self._pause(PAUSE_S)
        return bool(planned or claim)

    def _is_all(self, planned: Sequence[Planned], claim: Claim | None) -> bool:
        """Whether the claim is all that there was to plan. Small batches are planned together: others have to be looked
        for in their own time."""
        if claim is None or not self._queue.is_tiny(claim):
            return False
        return claim.item_count == sum(batch.items_left for batch in planned)

    def _plan(self, conn: Connection) -> tuple[Sequence[Planned], NotPlanned | None]:
        """What was planned, and what is in the way of a batch that was not."""
        put_off: list[NotPlanned] = []
        planned = self._queue.plan(conn, on_put_off=put_off.append)
        announce_planned(planned)
        self._telemetry.planned(self._queue.workload, planned)
        completed = [batch for batch in planned if batch.status == BatchStatus.COMPLETED]
        self._runner.tell_ended(conn, [Ended(batch.id, batch.items) for batch in completed])
        if not put_off:
            return planned, None
        error = put_off[0].__cause__ or put_off[0]
        log.error(
            "batch.put_off",
            batch_id=put_off[0].batch_id,
            batches=len(put_off),
            error_type=type(error).__name__,
            error=summary(error),
            sqlstate=getattr(error, "sqlstate", None),
            retry_in_s=put_off[0].delay_s,
        )
        return planned, put_off[0]

    def _treat_alone(self, conn: Connection, claim: Claim) -> None:
        """Give a recovered slice back, and claim again when nothing else is in hand in this process: were it claimed
        while it waits, a neighbour that ends the process would use up its attempts."""
        self._unreleased = claim, NotTreated(Effect.TRANSIENT, 0.0)
        self._release_unreleased(conn)
        with self._company.alone():
            found = None if self._stop.is_set() else self._queue.claim(conn, self.name)
            if found is not None:
                self._treat(conn, found)

    def _treat(self, conn: Connection, claim: Claim) -> None:
        try:
            self._runner.treat(conn, claim)
        except NotTreated as failure:
            self._unreleased = claim, failure
            if conn.closed:
                raise psycopg.OperationalError("the connection is lost") from failure
            self._release_unreleased(conn)
            if failure.effect is Effect.ENVIRONMENT:
                self._readiness.lose(WORKLOAD, self._queue.workload, summary(failure.__cause__ or failure))
                self._pause(min(failure.delay_s, PAUSE_S))
        else:
            self._readiness.regain(WORKLOAD, self._queue.workload)

    def _release_unreleased(self, conn: Connection) -> None:
        """A claim whose connection was lost is given back on the next one, if no peer took it meanwhile."""
        if self._unreleased is not None:
            claim, failure = self._unreleased
            # After a pause other work goes first: else a slice that always fails would keep its worker for ever.
            delay_s = failure.delay_s * 2 if failure.effect is Effect.ENVIRONMENT else failure.delay_s
            self._queue.release(conn, claim, timedelta(seconds=delay_s), forgives=not failure.counts)
            self._unreleased = None

    def _rest(self) -> None:
        """Sleep until the post is free, then look out for work."""
        with self._lookout.wakeup.post() as is_relief:
            self._look_out(is_relief)

    def _look_out(self, is_relief: bool) -> None:
        backlog = AT_WORK if is_relief else self._look()
        while not self._stop.is_set():
            if self._lookout.wait(backlog):
                return
            backlog = self._look()
            if backlog.to_plan or backlog.to_treat:
                return

    def _look(self) -> Backlog:
        with self._borrow() as conn:
            backlog = self._queue.backlog(conn)
            self._fare_well()
            if backlog.to_prepare:
                self._lookout.preparers.ring()
            if backlog.is_open:
                self._patrol(conn)
            else:
                self._readiness.regain(WORKLOAD, self._queue.workload)  # nobody waits for it any more
            if backlog.processing and not backlog.to_treat:
                self._adopt(conn)
            return backlog

    def _patrol(self, conn: Connection) -> None:
        if self._lookout.is_patrol_due():
            for session in self._queue.end_frozen(conn):
                log.warning(
                    "session.ended",
                    pid=session.pid,
                    application_name=session.application_name,
                    ended=session.ended,
                )
            self._adopt(conn)

    def _adopt(self, conn: Connection) -> None:
        for batch_id in self._queue.adopt_orphans(conn):
            log.warning("batch.orphaned", batch_id=batch_id)

    def _fare_well(self) -> None:
        """The database does what it is asked."""
        self._backoff.reset()
        self._readiness.regain(DATABASE, self.name)

    def _step_back(self, error: Exception) -> None:
        delay_s = self._backoff.next_s()
        if self._backoff.failures > 1:  # one lost connection is replaced at once
            self._readiness.lose(DATABASE, self.name, summary(error))
        level = log.warning if effect_of(error) is Effect.TRANSIENT else log.error
        level(
            "worker.waiting",
            error_type=type(error).__name__,
            error=summary(error),
            sqlstate=getattr(error, "sqlstate", None),
            retry_in_s=round(delay_s, 2),
        )
        self._pause(delay_s)

    def _pause(self, seconds: float) -> None:
        self._life.wait(self._stop.wait, seconds)
