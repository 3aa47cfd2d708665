"""The one place that knows everything: builds pool, workloads and engine, and runs them."""

import os
import random
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

from daemon import __version__
from daemon.database.pool import ANSWER_S, Pool, Session, open_pool, stop_preparing
from daemon.database.probe import deadline
from daemon.database.schema import inspect
from daemon.engine.backoff import Backoff
from daemon.engine.company import Company
from daemon.engine.listener import Listener
from daemon.engine.preparation import Preparations
from daemon.engine.preparer import Crew, Preparer
from daemon.engine.queue import Queue, Timing
from daemon.engine.readiness import Readiness
from daemon.engine.schedule import Schedule
from daemon.engine.slice import SliceRunner, Suspicion
from daemon.engine.supervisor import Inbox, StopRequested, Supervisor, WorkerStuck
from daemon.engine.wakeup import Wakeup
from daemon.engine.watch import Watch
from daemon.engine.worker import Lookout, Pace, Worker
from daemon.engine.workload import Workload
from daemon.sessions import name_instance, require_bell, require_current_schema, session_of
from daemon.settings import Settings
from daemon.signals import Interrupted, signals_interrupt, signals_told_to
from daemon.systemd import Notifier
from daemon.web.beside import page_beside
from daemon.workloads.registry import build_workloads

log = structlog.get_logger()

SHORTEST_LEASE = timedelta(seconds=5)  # whoever holds a batch says so once a second or so


def run(settings: Settings, notifier: Notifier, once: bool = False) -> int:
    """Run the daemon until a signal, or with `once` until nothing is open; returns the exit code.

    Raises SchemaMismatch, and psycopg's errors when the database cannot be reached at start.
    """
    signals_interrupt()
    try:
        return _run(settings, notifier, once)
    except Interrupted as signal:  # during the start, while nothing is in hand
        log.info("daemon.stopping", signal=str(signal))
        log.info("daemon.stopped", duration_ms=0.0)
        return 0


def _run(settings: Settings, notifier: Notifier, once: bool) -> int:
    instance = name_instance()
    session = session_of(settings, instance)
    with session.connect("start") as conn:
        state = inspect(conn)
    require_current_schema(state)
    require_bell(state, settings)
    workloads = build_workloads(settings)
    log.info("daemon.started", version=__version__, instance=instance, workers=_workers(workloads))
    inbox: Inbox = Inbox()
    with (
        open_pool(session, _workers(workloads) + 1 + _spare(workloads)) as pool,
        page_beside(session, instance) as show_page,
    ):
        supervisor = _build(settings, session, pool, workloads, instance, inbox, once, notifier, show_page)
        with signals_told_to(inbox.put):
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
    show_page: Callable[[], None],
) -> Supervisor:
    stop, cancelled = threading.Event(), threading.Event()
    pace = Pace(safety_poll=settings.poll)
    on_look = _when_all_rest(len(workloads), lambda: inbox.put(StopRequested("nothing is open"))) if once else None
    ready = f"{_workers(workloads)} workers"
    readiness = Readiness(lambda trouble: notifier.status(f"waiting: {trouble}" if trouble else ready))
    company = Company(patience=settings.frozen / 4)
    lookouts: list[Lookout] = []
    workers: list[Worker] = []
    preparers: list[Preparer] = []
    lease = max(settings.frozen / 2, SHORTEST_LEASE)
    timing = Timing(frozen=settings.frozen, endless=10 * settings.frozen, lease=lease)
    for workload in workloads:
        queue = Queue(workload.name, workload.table, instance, timing)
        suspicion = Suspicion()
        lookout = Lookout(Wakeup(), pace, on_look(workload.name) if on_look else lambda _: None)
        lookouts.append(lookout)
        for number in range(1, workload.workers + 1):
            runner = SliceRunner(queue, workload, Backoff(random.Random()), cancelled, suspicion)  # noqa: S311  # jitter
            name = f"{instance}/{workload.name}-{number}"
            backoff = Backoff(random.Random(), longest_s=2.0)  # noqa: S311
            workers.append(Worker(name, pool, queue, runner, lookout, company, stop, backoff, readiness))
        preparers += _preparers(pool, queue, workload, instance, lookout, stop)

    def notify(channel: str) -> None:
        with pool.connection() as conn, deadline(conn, ANSWER_S):
            conn.execute("SELECT pg_notify(%s, '')", (channel,))

    listener = Listener(
        lambda: session.connect("listener"),
        notify,
        lookouts,
        stop,
        Backoff(random.Random(), longest_s=2.0),  # noqa: S311
        on_deaf=lambda: stop_preparing(pool),
    )

    def on_ready() -> None:
        notifier.ready(ready)
        show_page()

    schedule = None if once else _schedule(session, workloads, instance, stop)
    watch = Watch(
        lambda: session.connect("watch"),
        [*workers, *([schedule] if schedule else [])],
        stop,
        settings.frozen,
        on_stuck=lambda stuck: inbox.put(WorkerStuck(stuck.name)),
        on_look=notifier.alive,
        preparers=preparers,
    )
    return Supervisor(
        listener,
        workers,
        lookouts,
        watch,
        stop,
        cancelled,
        inbox,
        grace=timedelta(seconds=settings.stop_seconds),
        on_ready=on_ready,
        on_stopping=notifier.stopping,
        leave=_leave,
        schedule=schedule,
        preparers=preparers,
    )


def _workers(workloads: list[Workload]) -> int:
    return sum(workload.workers for workload in workloads)


def _spare(workloads: list[Workload]) -> int:
    """Connections for preparers, who want one now and then."""
    return min(2, sum(workload.preparers for workload in workloads))


def _preparers(
    pool: Pool, queue: Queue, workload: Workload, instance: str, lookout: Lookout, stop: threading.Event
) -> list[Preparer]:
    crew = Crew(_spare([workload]) or 1)
    return [
        Preparer(
            f"{instance}/{workload.name}-preparer-{number}",
            pool,
            Preparations(queue),
            workload,
            crew,
            lookout.preparers,
            lookout.wakeup,
            stop,
            Backoff(random.Random(), longest_s=2.0),  # noqa: S311  # jitter
            Backoff(random.Random(), first_s=1.0, longest_s=300.0),  # noqa: S311
        )
        for number in range(1, workload.preparers + 1)
    ]


def _schedule(session: Session, workloads: list[Workload], instance: str, stop: threading.Event) -> Schedule | None:
    """None where nothing is to be done but batches."""
    duties = [duty for workload in workloads for duty in workload.duties()]
    if not duties:
        return None
    return Schedule(
        lambda: session.connect("schedule"),
        duties,
        instance,
        __version__,
        stop,
        Backoff(random.Random()),  # noqa: S311  # jitter
        random.Random(),  # noqa: S311
    )


def _when_all_rest(count: int, act: Callable[[], None]) -> Callable[[str], Callable[[bool], None]]:
    """For `--once`: acts when of every workload the last that was seen is that nothing of it is open."""
    resting: set[str] = set()

    def observer(name: str) -> Callable[[bool], None]:
        def look(is_open: bool) -> None:
            if is_open:
                resting.discard(name)
            else:
                resting.add(name)
                if len(resting) == count:
                    act()

        return look

    return observer


def _leave(code: int) -> None:
    """End the process although a thread goes on: what it holds in the database ends with its connection."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
