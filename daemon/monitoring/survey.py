"""Asks the database for what only it knows: when somebody wants to see it, and not again for a few seconds."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import psycopg
import structlog
from psycopg import Connection

from daemon.database.failures import summary
from daemon.database.pool import bounded
from daemon.database.probe import deadline, sever
from daemon.engine.workload import Figure

log = structlog.get_logger()

FRESH_S = 5.0  # for so long an answer is given again, and a silence too
ANSWER_S = 3.0  # for all questions together

Question = Callable[[Connection], Iterable[Figure]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database said, and whether it said anything; `unanswered` questions it refused."""

    figures: Sequence[Figure]
    is_up: bool
    unanswered: int
    took_s: float


class Survey:
    """Asks all questions on a connection of its own, which it opens for that. Whoever comes meanwhile waits for the
    same answer. A question that fails takes nothing else along, and is told once until it is answered again."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        questions: Mapping[str, Question],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._connect = connect
        self._questions = questions
        self._clock = clock
        self._lock = threading.Lock()
        self._conn: Connection | None = None
        self._last: Answer | None = None
        self._answered_at = 0.0
        self._told: set[str] = set()

    def ask(self) -> Answer:
        with self._lock:
            if self._last is None or self._clock() - self._answered_at > FRESH_S:
                self._last = self._ask()
                self._answered_at = self._clock()
            return self._last

    def interrupt(self) -> None:
        """From another thread: what is being asked need not be answered any more."""
        conn = self._conn
        if conn is not None:
            sever(conn)

    def _ask(self) -> Answer:
        began = self._clock()
        figures: list[Figure] = []
        unanswered = 0
        try:
            with self._connect() as conn, deadline(conn, ANSWER_S):
                self._conn = conn
                for name, question in self._questions.items():
                    answer = self._put(conn, name, question)
                    figures += answer or ()
                    unanswered += answer is None
        except psycopg.Error as error:
            log.debug("survey.failed", error=summary(error))  # the workers tell of a server that is away
            return Answer((), is_up=False, unanswered=len(self._questions), took_s=self._clock() - began)
        finally:
            self._conn = None
        return Answer(figures, is_up=True, unanswered=unanswered, took_s=self._clock() - began)

    def _put(self, conn: Connection, name: str, question: Question) -> Sequence[Figure] | None:
        try:
            with bounded(conn):
                figures = list(question(conn))
        except Exception as error:
            if conn.closed:
                raise
            if name not in self._told:
                self._told.add(name)
                log.warning(
                    "survey.unanswered",
                    question=name,
                    error_type=type(error).__name__,
                    error=summary(error),
                    sqlstate=getattr(error, "sqlstate", None),
                )
            return None
        self._told.discard(name)
        return figures
