"""The one place that knows everything: builds pool, workloads and engine, and runs them."""

import os
import random
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon import __version__
from daemon.database.pool import ANSWER_S, Pool, Session, keep_doing, open_pool, stop_preparing
from daemon.database.probe import deadline
from daemon.database.schema import inspect
from daemon.engine.backoff import Backoff
from daemon.engine.company import Company
from daemon.engine.doing import Acting, Doing
from daemon.engine.life import PIECE_S, Life
from daemon.engine.listener import Listener
from daemon.engine.preparation import Preparations
from daemon.engine.preparer import Crew, Preparer
from daemon.engine.queue import Queue, Timing
from daemon.engine.readiness import Readiness
from daemon.engine.schedule import Schedule
from daemon.engine.slice import SliceRunner, Suspicion
from daemon.engine.supervisor import Inbox, Outside, StopRequested, Supervisor
from daemon.engine.telemetry import Several, Telemetry
from daemon.engine.vigil import Vigil
from daemon.engine.wakeup import Wakeup
from daemon.engine.watch import Watch
from daemon.engine.worker import Lookout, Pace, Worker
from daemon.engine.workload import Workload
from daemon.errors import ConfigurationError
from daemon.herald import Herald
from daemon.logs import configure_logs
from daemon.monitoring.health import Health, LastLook
from daemon.monitoring.monitor import Monitor
from daemon.monitoring.questions import questions
from daemon.monitoring.survey import Survey
from daemon.monitoring.tally import Tally
from daemon.sessions import name_instance, require_bell, require_current_schema, session_of
from daemon.settings import Settings, read_settings
from daemon.signals import SIGNALS_THREAD, Interrupted, signals_interrupt, signals_told_to
from daemon.systemd import Notifier
from daemon.web.beside import page_beside
from daemon.workloads.registry import build_workloads

if TYPE_CHECKING:
    from daemon.monitoring.exposition import Exposition

log = structlog.get_logger()

SCRAPE_PATIENCE = timedelta(seconds=2)  # for a connection: who looks at figures need not wait for a server that is away
SHORTEST_LEASE = timedelta(seconds=5)  # whoever holds a batch says so once a second or so
RECONNECTING_S = 10.0  # a thread of the pool, for one connection
POOL = "pool"  # under this name its threads show life


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
    life = _life(settings, notifier)
    with (
        open_pool(session, _workers(workloads) + 1 + _spare(workloads)) as pool,
        page_beside(session, instance) as show_page,
    ):
        supervisor, monitor = _build(
            settings, session, pool, workloads, instance, inbox, once, notifier, life, show_page
        )
        with ExitStack() as around:
            for name in (POOL, SIGNALS_THREAD):
                around.enter_context(life.of(name))
            keep_doing(pool, partial(life.beat, _rounds(pool) * RECONNECTING_S, POOL), life.piece_s)
            around.enter_context(signals_told_to(inbox.put, life.beat, life.piece_s))
            if monitor is not None:
                around.enter_context(closing(monitor))
            return supervisor.run()


def _life(settings: Settings, notifier: Notifier) -> Life:
    """Systemd must hear of it several times before its patience ends."""
    bound = 2 * max(settings.frozen, timedelta(seconds=1))
    piece = timedelta(seconds=PIECE_S)
    return Life(bound, min(piece, notifier.watchdog / 4) if notifier.watchdog else piece)


def _rounds(pool: Pool) -> int:
    """In which the pool's threads can replace all its connections."""
    return -(-pool.max_size // pool.num_workers)


def _build(
    settings: Settings,
    session: Session,
    pool: Pool,
    workloads: list[Workload],
    instance: str,
    inbox: Inbox,
    once: bool,
    notifier: Notifier,
    life: Life,
    show_page: Callable[[], None],
) -> tuple[Supervisor, Monitor | None]:
    stop, cancelled = threading.Event(), threading.Event()
    pace = Pace(safety_poll=settings.poll)
    on_look = _when_all_rest(len(workloads), lambda: inbox.put(StopRequested("nothing is open"))) if once else None
    busy: list[Acting] = []
    doing, readiness = Doing(_workers(workloads), busy), Readiness()
    address = None if once else settings.metrics_address
    tally, last_look = Tally(workload.name for workload in workloads), LastLook()
    telemetry = Several(doing, tally) if address else doing
    health = Health(last_look.trouble, lambda: readiness.trouble, lambda: tally.listener)
    monitor = _monitor(address, session, pool, workloads, tally, health) if address else None
    herald = Herald(notifier, doing, readiness)
    company = Company(patience=settings.frozen / 4)
    lookouts: list[Lookout] = []
    workers: list[Worker] = []
    preparers: list[Preparer] = []
    lease = max(settings.frozen / 2, SHORTEST_LEASE)
    timing = Timing(frozen=settings.frozen, endless=10 * settings.frozen, lease=lease)
    for workload in workloads:
        queue = Queue(workload.name, workload.table, instance, timing)
        suspicion = Suspicion()
        seen = on_look(workload.name) if on_look else lambda _: None
        lookout = Lookout(Wakeup(life), pace, seen, Wakeup(life))
        lookouts.append(lookout)
        for number in range(1, workload.workers + 1):
            delays = Backoff(random.Random())  # noqa: S311  # jitter
            runner = SliceRunner(queue, workload, delays, cancelled, suspicion, telemetry)
            name = f"{instance}/{workload.name}-{number}"
            backoff = Backoff(random.Random(), longest_s=2.0)  # noqa: S311
            given = lookout, company, stop, backoff, readiness, life, telemetry
            workers.append(Worker(name, pool, queue, runner, *given))
        preparers += _preparers(pool, queue, workload, instance, lookout, stop, life, telemetry)

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
        life=life,
        telemetry=telemetry,
    )
    schedule = None if once else _schedule(session, workloads, instance, stop, life)
    others: list[Preparer | Schedule] = [*preparers, *([schedule] if schedule else [])]
    busy += others
    over_main = Vigil(life, lambda name: name == threading.main_thread().name)

    def open_up() -> None:
        herald.ready()
        if monitor is not None:
            monitor.start()
        show_page()

    def look() -> None:
        last_look.look()
        herald.alive()

    def end() -> None:
        health.stop()
        herald.stopping()

    watch = Watch(
        lambda: session.connect("watch"),
        [*workers, *others],
        stop,
        on_look=lambda: _leave(1) if over_main.look() else None,
        life=life,
    )
    supervisor = Supervisor(
        listener,
        workers,
        lookouts,
        watch,
        stop,
        cancelled,
        inbox,
        grace=timedelta(seconds=settings.stop_seconds),
        leave=_leave,
        life=life,
        outside=Outside(
            ready=open_up,
            alive=look,
            reload=lambda: herald.reload(lambda: _reload(pool, listener, lookouts)),
            stopping=end,
            draining=herald.draining,
        ),
        schedule=schedule,
        preparers=preparers,
    )
    return supervisor, monitor


def _monitor(
    address: tuple[str, int], session: Session, pool: Pool, workloads: list[Workload], tally: Tally, health: Health
) -> Monitor:
    hasty = replace(session, connect_timeout=SCRAPE_PATIENCE)
    survey = Survey(lambda: hasty.connect("metrics"), questions(workloads))

    def build() -> "Exposition":
        from daemon.monitoring.exposition import Exposition  # what it imports takes a while, and READY does not wait

        return Exposition(__version__, workloads, tally, health, pool, survey)

    return Monitor(address, build, health, survey)


def _reload(pool: Pool, listener: Listener, lookouts: list[Lookout]) -> None:
    """What a process can take over while it runs: what a `.env` file says of the logs. And the connections of workers
    and listener are opened anew, so that a changed password, certificate or address is noticed now; and it is looked
    for work."""
    try:
        settings = read_settings()
    except ConfigurationError as error:
        log.error("reload.refused", error=str(error))
        return
    configure_logs(settings.log_level, settings.log_format)
    pool.drain()
    listener.renew()
    for lookout in lookouts:
        lookout.wakeup.ring()
    log.info("daemon.reloaded", log_level=settings.log_level)


def _workers(workloads: list[Workload]) -> int:
    return sum(workload.workers for workload in workloads)


def _spare(workloads: list[Workload]) -> int:
    """Connections for preparers, who want one now and then."""
    return min(2, sum(workload.preparers for workload in workloads))


def _preparers(
    pool: Pool,
    queue: Queue,
    workload: Workload,
    instance: str,
    lookout: Lookout,
    stop: threading.Event,
    life: Life,
    telemetry: Telemetry,
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
            life,
            telemetry,
        )
        for number in range(1, workload.preparers + 1)
    ]


def _schedule(
    session: Session, workloads: list[Workload], instance: str, stop: threading.Event, life: Life
) -> Schedule | None:
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
        life=life,
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
