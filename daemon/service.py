"""The one place that knows everything: builds pool, workloads and engine, and runs them."""

import random
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import structlog

from daemon import __version__
from daemon.database.pool import Pool, Session, open_pool, stop_preparing
from daemon.database.schema import inspect
from daemon.engine.backoff import Backoff
from daemon.engine.listener import Listener
from daemon.engine.queue import Queue, Timing
from daemon.engine.slice import SliceRunner, Suspicion
from daemon.engine.supervisor import Inbox, StopRequested, Supervisor
from daemon.engine.wakeup import Wakeup
from daemon.engine.worker import Lookout, Pace, Worker
from daemon.engine.workload import Workload
from daemon.sessions import name_instance, require_current_schema, session_of
from daemon.settings import Settings
from daemon.systemd import Notifier
from daemon.workloads.registry import build_workloads

log = structlog.get_logger()


def run(settings: Settings, notifier: Notifier, once: bool = False) -> int:
    """Run the daemon until a signal, or with `once` until nothing is open; returns the exit code.

    Raises SchemaMismatch, and psycopg's errors when the database cannot be reached at start.
    """
    instance = name_instance()
    session = session_of(settings, instance)
    inbox: Inbox = Inbox()
    _catch_signals(inbox.put)
    with session.connect("start") as conn:
        require_current_schema(inspect(conn))
    workloads = build_workloads(settings)
    log.info("daemon.started", version=__version__, instance=instance, workers=settings.workers)
    with open_pool(session, settings.workers * len(workloads) + 1) as pool:
        supervisor = _build(settings, session, pool, workloads, instance, inbox, once, notifier)
        return supervisor.run()


def _build(
    settings: Settings,
    session: Session,
    pool: Pool,
    workloads: list[Workload],
    instance: str,
    inbox: Inbox,
    once: bool,
    notifier: Notifier,
) -> Supervisor:
    stop, cancelled = threading.Event(), threading.Event()
    pace = Pace(safety_poll=timedelta(seconds=settings.poll_seconds))
    on_rest = _when_all_rest(len(workloads), lambda: inbox.put(StopRequested("nothing is open"))) if once else None
    lookouts: list[Lookout] = []
    workers: list[Worker] = []
    for workload in workloads:
        queue = Queue(workload.name, workload.table, instance, Timing(frozen=settings.frozen))
        suspicion = Suspicion()
        lookout = Lookout(Wakeup(), pace, on_rest(workload.name) if on_rest else lambda: None)
        lookouts.append(lookout)
        for number in range(1, settings.workers + 1):
            runner = SliceRunner(queue, workload, Backoff(random.Random()), cancelled, suspicion)  # noqa: S311  # jitter
            name = f"{instance}/{workload.name}-{number}"
            workers.append(Worker(name, pool, queue, runner, lookout, stop, Backoff(random.Random(), longest_s=2.0)))  # noqa: S311

    def notify(channel: str) -> None:
        with pool.connection() as conn:
            conn.execute("SELECT pg_notify(%s, '')", (channel,))

    listener = Listener(
        lambda: session.connect("listener"),
        notify,
        lookouts,
        stop,
        Backoff(random.Random(), longest_s=2.0),  # noqa: S311
        on_deaf=lambda: stop_preparing(pool),
    )
    return Supervisor(
        listener,
        workers,
        lookouts,
        stop,
        cancelled,
        inbox,
        grace=timedelta(seconds=settings.stop_seconds),
        on_ready=lambda: notifier.ready(f"{len(workers)} workers, listening"),
        on_stopping=notifier.stopping,
    )


def _when_all_rest(count: int, act: Callable[[], None]) -> Callable[[str], Callable[[], None]]:
    """For `--once`: acts when every workload has said that nothing of it is open."""
    resting: set[str] = set()

    def observer(name: str) -> Callable[[], None]:
        def rest() -> None:
            resting.add(name)
            if len(resting) == count:
                act()

        return rest

    return observer


def _catch_signals(put: Callable[[int], None]) -> None:
    """A handler does one thing, and one that is safe to do at any moment."""

    def handle(signum: int, _frame: FrameType | None) -> None:
        put(signum)

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
