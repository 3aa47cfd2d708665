"""The watching thread: finds who waits for an answer that cannot come."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from time import monotonic

import psycopg
import structlog
from psycopg import Connection
from psycopg.rows import scalar_row

from daemon.database.failures import summary
from daemon.database.pool import ANSWER_S, BoundedConnection
from daemon.database.probe import deadline, sever
from daemon.database.statements import statement
from daemon.engine.life import Life
from daemon.engine.vigil import Conversing, waits

log = structlog.get_logger()

LOOK_EVERY_S = 5.0


class Watch:
    """Looks after the workers' conversations with the server.

    A statement may last while the server works on it. When at two looks in a row its session has ended, or waits for
    its client in turn, the answer was lost on the way (a silent proxy, a forgotten translation of addresses): the
    connection is severed, its session ended, and the worker begins anew on another. Such a session cannot be named
    through a transaction pooler, so there this watch has to be done without.

    `on_look` is called at each look.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        workers: Sequence[Conversing],
        stop: threading.Event,
        answer: timedelta = timedelta(seconds=ANSWER_S),
        on_look: Callable[[], object] = lambda: None,
        life: Life | None = None,
    ) -> None:
        self._connect = connect
        self._workers = workers
        self._stop = stop
        self._answer_s = answer.total_seconds()
        self._on_look = on_look
        self._life = life or Life()
        self._every_s = min(LOOK_EVERY_S, self._answer_s, self._life.piece_s)
        self._suspects: dict[BoundedConnection, float] = {}  # with the beginning of the exchange they were suspected in

    def run(self) -> None:
        """Until stopped."""
        while not self._life.wait(self._stop.wait, self._every_s):
            self._on_look()
            self._sever_the_unanswered()

    def _sever_the_unanswered(self) -> None:
        waiting = {
            conn: (worker, conn.spoke_at)
            for worker, conn in self._in_hand()
            if conn.session_pid and waits(conn) and monotonic() - conn.spoke_at > self._answer_s
        }
        lost: dict[BoundedConnection, float] = {}
        if waiting:
            working = set(self._ask("find_working", waiting))
            lost = {conn: since for conn, (_, since) in waiting.items() if conn.session_pid not in working}
        for conn, since in lost.items():
            if self._suspects.get(conn) == since == conn.spoke_at:
                sever(conn)
                self._ask("end_sessions", [conn])
                conn.severed_at = since
                worker, _ = waiting[conn]
                log.warning(
                    "worker.severed",
                    worker=worker.name,
                    pid=conn.session_pid,
                    silent_s=round(monotonic() - since, 1),
                )
        self._suspects = lost

    def _ask(self, name: str, connections: Iterable[BoundedConnection]) -> list[int]:
        """The statement's answer about the sessions of these. When nobody can be asked the server is out of reach, as
        the workers will notice: then, all of them."""
        pids = [conn.session_pid for conn in connections if conn.session_pid]
        try:
            with self._life.connecting():
                opened = self._connect()
            with opened as conn, deadline(conn, ANSWER_S), conn.cursor(row_factory=scalar_row) as cursor:
                return list(cursor.execute(statement("daemon.engine", name), {"pids": pids}))
        except psycopg.Error as error:
            log.debug("watch.blind", error=summary(error))
            return pids

    def _in_hand(self) -> Iterator[tuple[Conversing, BoundedConnection]]:
        for worker in self._workers:
            conn = worker.connection
            if conn is not None:
                yield worker, conn
