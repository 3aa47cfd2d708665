"""The watching thread: finds workers that wait for an answer that cannot come, or are lost in their own code."""

import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from time import monotonic
from typing import Protocol

import psycopg
import structlog
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import scalar_row

from daemon.database.failures import summary
from daemon.database.pool import ANSWER_S, BoundedConnection
from daemon.database.probe import deadline, sever
from daemon.database.statements import statement
from daemon.engine.preparation import HeldBatch

log = structlog.get_logger()

LOOK_EVERY_S = 5.0
FRAMES_TOLD = 12  # of a stuck worker's stack, innermost last


class Watched(Protocol):
    """A thread that talks to the server: a worker, a preparer, or the schedule."""

    name: str
    connection: BoundedConnection | None  # in hand


class Holding(Protocol):
    """A thread that may hold a batch without talking to the server."""

    name: str
    connection: BoundedConnection | None
    held: HeldBatch | None


class Watch:
    """Looks after the workers' conversations with the server.

    A statement may last while the server works on it. When at two looks in a row its session has ended, or waits for
    its client in turn, the answer was lost on the way (a silent proxy, a forgotten translation of addresses): the
    connection is severed, its session ended, and the worker begins anew on another. Such a session cannot be named
    through a transaction pooler, so there this watch has to be done without.

    A worker that has left its transaction alone for twice the bound, at two looks in a row (a process that was stopped
    and continued has not had its chance at the first), is stuck in its own code: the server has taken its slice back
    long ago, but no thread can be ended from outside. `on_stuck` is told; the process must be replaced. So is a
    preparer that has not kept the batch in its hands.

    `on_look` is called at each look at which no worker is stuck: a sign of life for whoever watches the process.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        workers: Sequence[Watched],
        stop: threading.Event,
        frozen: timedelta,
        on_stuck: Callable[[Watched], object],
        on_look: Callable[[], object] = lambda: None,
        answer: timedelta = timedelta(seconds=ANSWER_S),
        preparers: Sequence[Holding] = (),
    ) -> None:
        self._connect = connect
        self._workers: Sequence[Watched] = [*workers, *preparers]
        self._preparers = preparers
        self._stop = stop
        self._stuck_s = 2 * max(frozen.total_seconds(), 1.0)
        self._on_stuck = on_stuck
        self._on_look = on_look
        self._answer_s = answer.total_seconds()
        self._every_s = min(LOOK_EVERY_S, self._answer_s, self._stuck_s / 4)
        self._suspects: dict[BoundedConnection, float] = {}  # with the beginning of the exchange they were suspected in
        self._severed: dict[BoundedConnection, float] = {}
        self._silent: dict[object, float] = {}  # what was too silent at the last look

    def run(self) -> None:
        """Until stopped, or until a worker is stuck."""
        while not self._stop.wait(self._every_s):
            stuck = self._find_stuck()
            if stuck is not None:
                self._on_stuck(stuck)
                return
            self._on_look()
            self._sever_the_unanswered()

    def _find_stuck(self) -> Watched | None:
        before, self._silent = self._silent, {}
        for worker, conversation, since in self._silences():
            silent_s = monotonic() - since
            if silent_s <= self._stuck_s:
                continue
            if before.get(conversation) == since:
                log.error("worker.stuck", worker=worker.name, silent_s=round(silent_s, 1), frames=stack_of(worker.name))
                return worker
            self._silent[conversation] = since
        return None

    def _silences(self) -> Iterator[tuple[Watched, object, float]]:
        """Who is silent in which conversation, and since when; one that waits for the server is not silent itself."""
        for worker, conn in self._in_hand():
            if not _waits(conn) or self._severed.get(conn) == conn.spoke_at:
                yield worker, conn, conn.spoke_at
        for preparer in self._preparers:
            held = preparer.held
            if held is not None and preparer.connection is None:
                yield preparer, held, held.kept_at

    def _sever_the_unanswered(self) -> None:
        waiting = {
            conn: (worker, conn.spoke_at)
            for worker, conn in self._in_hand()
            if conn.session_pid and _waits(conn) and monotonic() - conn.spoke_at > self._answer_s
        }
        lost: dict[BoundedConnection, float] = {}
        if waiting:
            working = set(self._ask("find_working", waiting))
            lost = {conn: since for conn, (_, since) in waiting.items() if conn.session_pid not in working}
        for conn, since in lost.items():
            if self._suspects.get(conn) == since == conn.spoke_at:
                sever(conn)
                self._ask("end_sessions", [conn])
                self._severed[conn] = since
                worker, _ = waiting[conn]
                log.warning(
                    "worker.severed",
                    worker=worker.name,
                    pid=conn.session_pid,
                    silent_s=round(monotonic() - since, 1),
                )
        self._suspects = lost
        self._severed = {conn: since for conn, since in self._severed.items() if since == conn.spoke_at}

    def _ask(self, name: str, connections: Iterable[BoundedConnection]) -> list[int]:
        """The statement's answer about the sessions of these. When nobody can be asked the server is out of reach, as
        the workers will notice: then, all of them."""
        pids = [conn.session_pid for conn in connections if conn.session_pid]
        try:
            with self._connect() as conn, deadline(conn, ANSWER_S), conn.cursor(row_factory=scalar_row) as cursor:
                return list(cursor.execute(statement("daemon.engine", name), {"pids": pids}))
        except psycopg.Error as error:
            log.debug("watch.blind", error=summary(error))
            return pids

    def _in_hand(self) -> Iterator[tuple[Watched, BoundedConnection]]:
        for worker in self._workers:
            conn = worker.connection
            if conn is not None:
                yield worker, conn


def _waits(conn: BoundedConnection) -> bool:
    return conn.pgconn.transaction_status == TransactionStatus.ACTIVE


def stack_of(thread_name: str) -> list[str]:
    """Where a thread is, for the person who must find out why."""
    ident = next((thread.ident for thread in threading.enumerate() if thread.name == thread_name), None)
    frame = sys._current_frames().get(ident) if ident is not None else None
    return [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_stack(frame)[-FRAMES_TOLD:]]
