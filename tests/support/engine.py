"""The engine in this process, built as the service builds it, with real threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg

from daemon.database.pool import Pool, Session, open_pool
from daemon.engine.backoff import Backoff
from daemon.engine.company import Company
from daemon.engine.life import Life
from daemon.engine.listener import Hearing, Listener
from daemon.engine.preparation import Preparations
from daemon.engine.preparer import Crew, Preparer
from daemon.engine.queue import Backlog, Claim, Queue, Settled, Timing
from daemon.engine.readiness import Readiness
from daemon.engine.schedule import Schedule
from daemon.engine.slice import SliceRunner, Suspicion
from daemon.engine.supervisor import Inbox, Outside, StopRequested, Supervisor
from daemon.engine.telemetry import Telemetry
from daemon.engine.wakeup import Wakeup
from daemon.engine.watch import Watch
from daemon.engine.worker import Lookout, Pace, Worker
from daemon.engine.workload import Duty, Item, Outcome
from tests.support.waiting import wait_until
from tests.support.workload import RecordingWorkload

AT_ONCE = Timing(grace=timedelta(0))  # a claim counts as abandoned as soon as it is made


def ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def make_queue(slice_size: int = 500, timing: Timing | None = None, instance: str = "test") -> Queue:
    return Queue("categorization", RecordingWorkload(slice_size).table, instance, timing)


def make_runner(
    queue: Queue,
    workload: RecordingWorkload,
    cancelled: threading.Event | None = None,
    suspicion: Suspicion | None = None,
) -> SliceRunner:
    return SliceRunner(queue, workload, Backoff(random.Random(1)), cancelled or threading.Event(), suspicion)


def slices(db: psycopg.Connection, columns: str = "items") -> list[object]:
    """What waits, in the order of claiming: single values, or tuples of several columns."""
    query = f"SELECT {columns} FROM batch_slices ORDER BY priority DESC, turn, id"  # noqa: S608  # the tests' own
    rows = db.execute(query).fetchall()  # type: ignore[call-overload]
    return [row[0] if len(row) == 1 else row for row in rows]


def treat(conn: psycopg.Connection, queue: Queue, claim: Claim) -> Sequence[Settled]:
    """Process and settle a claim in the caller's transaction; the batches this completes."""
    locked = queue.lock(conn, claim)
    items = [Item(slice.batch_id, item) for slice in locked for item in slice.items]
    settled = queue.settle(conn, locked, RecordingWorkload().process(conn, items))
    return [batch for batch in settled if batch.is_completed]


def claim(conn: psycopg.Connection, queue: Queue, worker: str = "w") -> Claim:
    """A claim that must be there."""
    found = queue.claim(conn, worker)
    assert found is not None
    return found


def done(items: Sequence[Item]) -> list[Outcome]:
    return [Outcome.done(item) for item in items]


class WatchedQueue(Queue):
    """Tells which threads looked at the backlog."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.looks: list[str] = []
        self.last_look: Backlog | None = None
        self.after_look: Callable[[], None] = lambda: None

    def backlog(self, conn: psycopg.Connection) -> Backlog:
        self.looks.append(threading.current_thread().name)
        found = self.last_look = super().backlog(conn)
        self.after_look()
        return found


class NoListener:
    """Hears nothing and does not know it."""

    def __init__(self) -> None:
        self.is_settled = threading.Event()
        self.is_settled.set()
        self._interrupted = threading.Event()

    def run(self) -> None:
        self._interrupted.wait()

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        pass


@dataclass
class Engine:
    """Starts on entry and stops on exit. `code` is the exit code, once stopped."""

    session: Session
    workload: RecordingWorkload = field(default_factory=RecordingWorkload)
    workers: int = 2
    pace: Pace = field(default_factory=Pace)
    timing: Timing = field(default_factory=Timing)
    listens: bool = True
    hearing: Hearing | None = None
    notify: Callable[[str], None] | None = None
    grace: timedelta = timedelta(seconds=20)
    name: str = "here"
    frozen: timedelta = timedelta(seconds=30)
    answer: timedelta = timedelta(seconds=5)
    patience: timedelta = timedelta(seconds=7)  # with the company of others
    watch_session: Session | None = None  # the watch's own way to the server, where it differs
    duties: Sequence[Duty] = ()
    preparers: int = 1  # of a workload that prepares its batches
    inbox: Inbox = field(default_factory=Inbox)
    drained: list[int] = field(default_factory=list)  # threads that were still at work when the stop came on
    telemetry: Telemetry = field(default_factory=Telemetry)
    code: int | None = None
    left: int | None = None  # the code with which the process would have left a stuck thread behind

    def __enter__(self) -> Engine:
        self.is_ready = threading.Event()
        self.stop_event, self._cancelled = threading.Event(), threading.Event()
        self.pool: Pool = open_pool(self.session, self.workers + 1)
        self.queue = WatchedQueue(self.workload.name, self.workload.table, self.name, self.timing)
        self.life = Life(2 * max(self.frozen, timedelta(seconds=1)))
        self.lookout = Lookout(Wakeup(self.life), self.pace, preparers=Wakeup(self.life))
        self.readiness = Readiness()
        self.company = Company(self.patience)
        self.threads = [self._worker(f"{self.name}/{number}") for number in range(1, self.workers + 1)]
        self.crew = Crew()
        self.preparing = [self._preparer(f"{self.name}/p{number}") for number in range(1, self.preparers + 1)]
        if not self.workload.table.is_prepared:
            self.preparing = []
        schedule = self._schedule()
        self.supervisor = supervisor = Supervisor(
            self._listener(),  # type: ignore[arg-type]
            self.threads,
            [self.lookout],
            self._watch(schedule),
            self.stop_event,
            self._cancelled,
            self.inbox,
            grace=self.grace,
            life=self.life,
            outside=Outside(ready=self.is_ready.set, draining=self.drained.append),
            leave=lambda code: setattr(self, "left", code),
            schedule=schedule,
            preparers=self.preparing,
        )

        def run() -> None:
            self.code = supervisor.run()

        self._thread = threading.Thread(target=run, name="supervisor")
        self._thread.start()
        wait_until(lambda: self.is_ready.is_set() or not self._thread.is_alive())
        return self

    def __exit__(self, *_: object) -> None:
        self.inbox.put(StopRequested("the test is over"))
        self.wait()
        self.pool.close()

    def wait(self, timeout_s: float = 40.0) -> int | None:
        """Until every thread has ended; the exit code."""
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the engine did not stop"
        return self.code

    def fall_asleep(self) -> None:
        """Until nothing is open, as far as the engine knows, and every worker waits."""
        bell = self.lookout.wakeup

        def is_asleep() -> bool:
            last = self.queue.last_look
            waiting = [len(condition._waiters) for condition in (bell._at_post, bell._asleep)]  # type: ignore[attr-defined]
            return last is not None and not last.is_open and waiting == [1, self.workers - 1]

        wait_until(is_asleep)

    def look_out(self, looks: int) -> None:
        """Until somebody has looked at the backlog that often from now on."""
        before = len(self.queue.looks)
        wait_until(lambda: len(self.queue.looks) >= before + looks)

    def look_with_the_watch(self, looks: int) -> None:
        """Until the watch has asked the server that often."""
        for _ in range(looks):
            assert self._watched.acquire(timeout=20)

    def is_alive(self, worker: str) -> bool:
        return any(thread.name == worker for thread in threading.enumerate())

    def _worker(self, name: str) -> Worker:
        delays = Backoff(random.Random(), 0.02, 0.5)
        runner = SliceRunner(self.queue, self.workload, delays, self._cancelled, telemetry=self.telemetry)
        backoff = Backoff(random.Random(), 0.05, 0.5)
        given = self.lookout, self.company, self.stop_event, backoff, self.readiness, self.life, self.telemetry
        return Worker(name, self.pool, self.queue, runner, *given)

    def _preparer(self, name: str) -> Preparer:
        bells = self.lookout.preparers, self.lookout.wakeup
        backoffs = Backoff(random.Random(), 0.05, 0.5), Backoff(random.Random(), 0.02, 0.5)
        return Preparer(
            name,
            self.pool,
            Preparations(self.queue),
            self.workload,
            self.crew,
            *bells,
            self.stop_event,
            *backoffs,
            self.life,
            self.telemetry,
        )

    def _schedule(self) -> Schedule | None:
        if not self.duties:
            return None
        backoff = Backoff(random.Random(), 0.05, 0.5)
        connect = lambda: self.session.connect("schedule")  # noqa: E731
        return Schedule(connect, self.duties, self.name, "1", self.stop_event, backoff, random.Random(), life=self.life)

    def _watch(self, schedule: Schedule | None) -> Watch:
        self._watched = threading.Semaphore(0)

        def connect() -> psycopg.Connection:
            self._watched.release()
            return (self.watch_session or self.session).connect("watch")

        return Watch(
            connect,
            [*self.threads, *self.preparing, *([schedule] if schedule else [])],
            self.stop_event,
            self.answer,
            life=self.life,
        )

    def _listener(self) -> Listener | NoListener:
        if not self.listens:
            return NoListener()
        return Listener(
            lambda: self.session.connect("listener"),
            self.notify or self._notify,
            [self.lookout],
            self.stop_event,
            Backoff(random.Random(), 0.05, 0.5),
            self.hearing,
            life=self.life,
            telemetry=self.telemetry,
        )

    def _notify(self, channel: str) -> None:
        with self.pool.connection() as conn:
            conn.execute("SELECT pg_notify(%s, '')", (channel,))
