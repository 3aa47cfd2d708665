"""Ties the threads together: who works, who listens, who watches, and the supervisor over all of them."""

import os
import sys
import threading
from datetime import timedelta

from daemon.database.pool import ANSWER_S, stop_preparing
from daemon.database.probe import deadline
from daemon.engine.listener import Listener
from daemon.engine.supervisor import StopRequested, Supervisor
from daemon.engine.vigil import Vigil
from daemon.engine.watch import Watch
from daemon.service.audience import Audience
from daemon.service.ground import Ground
from daemon.service.hands import Hands, backoff, build_hands
from daemon.service.reload import reload
from daemon.service.rest import Rest
from daemon.service.roster import Roster
from daemon.web.beside import Page


def build_supervisor(ground: Ground, roster: Roster, audience: Audience, page: Page, *, once: bool) -> Supervisor:
    """To be called by the main thread. The page is started once all are at work; `once`: until nothing is open."""
    rest = Rest(len(roster.workloads), lambda: ground.inbox.put(StopRequested("nothing is open"))) if once else None
    hands = build_hands(ground, roster, audience, rest)
    audience.acting.extend(hands.others)
    listener = _build_listener(ground, hands, audience)
    return Supervisor(
        listener,
        hands.workers,
        hands.lookouts,
        _build_watch(ground, hands),
        ground.stop,
        ground.cancelled,
        ground.inbox,
        grace=timedelta(seconds=ground.settings.stop_seconds),
        leave=leave,
        life=ground.life,
        outside=audience.outside(page.start, lambda: reload(ground.pool, listener, page.renew, hands.lookouts)),
        schedule=hands.schedule,
        preparers=hands.preparers,
    )


def _build_listener(ground: Ground, hands: Hands, audience: Audience) -> Listener:
    def notify(channel: str) -> None:
        with ground.pool.connection() as conn, deadline(conn, ANSWER_S):
            conn.execute("SELECT pg_notify(%s, '')", (channel,))

    return Listener(
        lambda: ground.session.connect("listener"),
        notify,
        hands.lookouts,
        ground.stop,
        backoff(longest_s=2.0),
        on_deaf=lambda: stop_preparing(ground.pool),
        life=ground.life,
        telemetry=audience.telemetry,
    )


def _build_watch(ground: Ground, hands: Hands) -> Watch:
    """It looks after the main thread, too, which looks after all others."""
    over_main = Vigil(ground.life, lambda name: name == threading.main_thread().name)
    return Watch(
        lambda: ground.session.connect("watch"),
        [*hands.workers, *hands.others],
        ground.stop,
        on_look=lambda: leave(1) if over_main.look() else None,
        life=ground.life,
    )


def leave(code: int) -> None:
    """End the process although a thread goes on: what it holds in the database ends with its connection."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
