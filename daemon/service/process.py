"""A run of the daemon, from its first connection to its exit code."""

import threading
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial

import structlog

from daemon import __version__
from daemon.database.pool import keep_doing, open_pool
from daemon.database.schema import inspect
from daemon.engine.life import CONNECTING_S, PIECE_S, Life
from daemon.engine.supervisor import Inbox
from daemon.service.assembly import build_supervisor
from daemon.service.audience import build_audience
from daemon.service.ground import Ground
from daemon.service.roster import Roster
from daemon.sessions import name_instance, require_bell, require_current_schema, session_of
from daemon.settings import Settings
from daemon.signals import SIGNALS_THREAD, Interrupted, signals_interrupt, signals_told_to
from daemon.systemd import Notifier
from daemon.web.beside import page_beside
from daemon.workloads.registry import build_workloads

log = structlog.get_logger()

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
    roster = Roster(build_workloads(settings))
    log.info("daemon.started", version=__version__, instance=instance, workers=roster.workers)
    life, inbox = _life(settings, notifier), Inbox()
    with (
        open_pool(session, roster.connections, on_connect=partial(life.beat, CONNECTING_S, POOL)) as pool,
        page_beside(session, instance) as page,
        ExitStack() as around,
    ):
        ground = Ground(settings, instance, session, pool, life, inbox, threading.Event(), threading.Event())
        audience = build_audience(ground, roster, notifier, serves_figures=not once)
        supervisor = build_supervisor(ground, roster, audience, page, once=once)
        for name in (POOL, SIGNALS_THREAD):
            around.enter_context(life.of(name))
        keep_doing(pool, partial(life.beat, name=POOL), life.piece_s)
        around.enter_context(signals_told_to(inbox.put, life.beat, life.piece_s))
        if audience.monitor is not None:
            around.enter_context(closing(audience.monitor))
        return supervisor.run()


def _life(settings: Settings, notifier: Notifier) -> Life:
    """Systemd must hear of it several times before its patience ends."""
    bound = 2 * max(settings.frozen, timedelta(seconds=1))
    piece = timedelta(seconds=PIECE_S)
    return Life(bound, min(piece, notifier.watchdog / 4) if notifier.watchdog else piece)
