"""The schedule's thread: runs each periodic duty in one instance only."""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import NamedTuple

import psycopg
import structlog
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from daemon.database.failures import storable, summary
from daemon.database.pool import ANSWER_S, BoundedConnection
from daemon.database.probe import deadline
from daemon.database.statements import load, statement
from daemon.engine.backoff import Backoff
from daemon.engine.life import Life
from daemon.engine.workload import Duty, DutyFailed, DutyInterrupted, Means

log = structlog.get_logger()

LONGEST_RETRY = timedelta(hours=1)  # after many failures in a row; the period, where that is shorter


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How the schedule sleeps; the database's clock says what is due."""

    longest_sleep: timedelta = timedelta(hours=1)
    shortest_sleep: timedelta = timedelta(seconds=1)  # what is due may be in another's hands just now
    jitter: timedelta = timedelta(seconds=5)  # instances that were started together need not wake together
    retry: timedelta = timedelta(minutes=1)  # after the first failure, doubled with each; and after a stop


class Taken(NamedTuple):
    """A duty whose due time this instance has moved forward: it acts."""

    duty: Duty
    failures: int


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a duty. `again_after` brings the next round forward; None leaves it."""

    name: str
    error: str | None = None
    is_given_back: bool = False
    again_after: timedelta | None = None


class Schedule:
    """Looks at the due times, acts on what is due, and sleeps until the next.

    `connect` opens a connection, for as long as a few statements last: a schedule at rest holds none.
    """

    name = "schedule"

    def __init__(
        self,
        connect: Callable[[], Connection],
        duties: Sequence[Duty],
        instance: str,
        version: str,
        stop: threading.Event,
        backoff: Backoff,
        rng: random.Random,
        rhythm: Rhythm | None = None,
        life: Life | None = None,
    ) -> None:
        load("daemon.engine")
        self.connection: BoundedConnection | None = None  # in hand; others watch it, and may end what runs on it
        self._connect = connect
        self._duties = {duty.name: duty for duty in duties}
        if len(self._duties) < len(duties):
            raise ValueError("two duties have one name")
        self._parameters = {
            "names": list(self._duties),
            "periods": [duty.every for duty in self._duties.values()],
            "instance": instance,
            "version": version,
        }
        self._stop = stop
        self._backoff = backoff
        self._rng = rng
        self._rhythm = rhythm or Rhythm()
        self._life = life or Life()
        self.acting: str | None = None  # the duty that is being done
        self._untold: Ending | None = None
        self._is_introduced = False

    def run(self) -> None:
        """Until stopped. A lost connection is expected, and so is a duty that fails."""
        pause_s = 0.0
        while not self._life.wait(self._stop.wait, pause_s):
            try:
                taken, pause_s = self._look()
                if taken is not None:
                    self._untold = self._act(taken)
                    self._tell_ending()
                self._backoff.reset()
            except psycopg.Error as error:
                pause_s = self._backoff.next_s()
                log.warning(
                    "schedule.waiting",
                    error_type=type(error).__name__,
                    error=summary(error),
                    sqlstate=error.sqlstate,
                    retry_in_s=round(pause_s, 2),
                )

    def _look(self) -> tuple[Taken | None, float]:
        """What is due and now ours, or the seconds to sleep."""
        self._tell_ending()
        with self._borrow() as conn:
            if not self._is_introduced:  # once, or two versions that run side by side would call it due in turn
                self._execute(conn, "add_duties")
                self._is_introduced = True
            row = self._execute(conn, "take_duty").fetchone()
            if row is not None:
                return Taken(self._duties[row[0]], row[1]), 0.0
            found = self._execute(conn, "next_duty").fetchone()
        due_s = found[0] if found else None
        if due_s is None:  # somebody has emptied the table
            self._is_introduced = False
            return None, self._backoff.next_s()
        shortest_s, longest_s = self._rhythm.shortest_sleep.total_seconds(), self._rhythm.longest_sleep.total_seconds()
        pause_s = min(max(due_s, shortest_s), longest_s)
        return None, pause_s + self._rng.random() * self._rhythm.jitter.total_seconds()

    def _act(self, taken: Taken) -> Ending:
        duty, began = taken.duty, monotonic()
        with structlog.contextvars.bound_contextvars(duty=duty.name):
            self.acting = duty.name
            try:
                duty.act(Means(self._borrow, self._stop, self._life.beat))
            except Exception as error:  # a defect of one duty must end neither the others nor the batches
                if isinstance(error, DutyInterrupted) or self._stop.is_set():
                    return Ending(duty.name, is_given_back=True, again_after=self._rhythm.retry)
                delay = min(self._rhythm.retry * 2 ** min(taken.failures, 20), LONGEST_RETRY, duty.every)
                log.error(
                    "duty.failed",
                    error_type=type(error).__name__,
                    error=summary(error),
                    failures=taken.failures + 1,
                    retry_in_s=round(delay.total_seconds(), 1),
                    exc_info=None if isinstance(error, DutyFailed | psycopg.Error) else error,
                )
                return Ending(duty.name, error=storable(summary(error)), again_after=delay)
            finally:
                self.acting = None
            log.info("duty.done", duration_ms=round((monotonic() - began) * 1000, 1))
            return Ending(duty.name)

    def _tell_ending(self) -> None:
        """Write it down; when the server is away, before anything else once it is back."""
        if self._untold is None:
            return
        ending = self._untold
        parameters = {
            "name": ending.name,
            "error": ending.error,
            "is_given_back": ending.is_given_back,
            "again_after": ending.again_after,
        }
        with self._borrow() as conn:
            self._execute(conn, "finish_duty", parameters)
        self._untold = None

    def _execute(self, conn: Connection, name: str, parameters: Mapping[str, object] | None = None) -> Cursor[TupleRow]:
        with deadline(conn, ANSWER_S):
            return conn.execute(statement("daemon.engine", name), self._parameters | dict(parameters or {}))

    @contextmanager
    def _borrow(self) -> Iterator[Connection]:
        with self._life.connecting():
            opened = self._connect()
        with opened as conn:
            self.connection = conn if isinstance(conn, BoundedConnection) else None
            try:
                yield conn
            finally:
                self.connection = None
