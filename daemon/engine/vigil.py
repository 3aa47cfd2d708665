"""The vigil: looks for threads that show no sign of life, and tells where they are."""

import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Protocol

import structlog
from psycopg.pq import TransactionStatus

from daemon.database.pool import BoundedConnection
from daemon.engine.life import Life

log = structlog.get_logger()

FRAMES_TOLD = 12  # of a silent thread's stack, innermost last


class Conversing(Protocol):
    """A thread that talks to the server: a worker, a preparer, or the schedule."""

    name: str
    connection: BoundedConnection | None  # in hand


class Vigil:
    """Looks every few seconds; by one thread. None can be ended from outside: of whoever is silent the process must be
    replaced, and what it holds in the database ends with it.

    Who converses with the server shows life by each exchange. Who waits for an answer is alive for as long as the
    server works on it: `Watch` sees to that, and severs what can have no answer.

    When a look itself comes late, the process was stopped and continued, or starved: nobody is blamed for that time.
    """

    def __init__(
        self, life: Life, sees: Callable[[str], bool] = lambda _: True, conversing: Sequence[Conversing] = ()
    ) -> None:
        """`sees` says, by its name, whether a thread is this vigil's to look after."""
        self.every_s = life.piece_s
        self._life = life
        self._sees = sees
        self._conversing = conversing
        self._spoke: dict[str, tuple[BoundedConnection, float]] = {}
        self._looked_at = monotonic()  # the first look, too, may come late

    def look(self) -> Sequence[str]:
        """The names of the threads that are silent, which is logged; to be called every `every_s` seconds."""
        self._forgive_lateness()
        for hand in self._conversing:
            if self._has_been_heard(hand):
                self._life.beat(name=hand.name)
        now = monotonic()
        silences = {name: now - due + self._life.bound_s for name, due in self._life.due().items() if self._sees(name)}
        silent = [name for name, seconds in silences.items() if seconds > self._life.bound_s]
        if silent:
            self._tell(silences)
            told_s = monotonic() - now
            if told_s > self.every_s / 2:  # whoever reads the log did not: this is what they were waiting for
                return []
        return silent

    def _tell(self, silences: Mapping[str, float]) -> None:
        """Also those who have missed two pieces: of all who wait for one lock, the one that holds it beat last."""
        for name, seconds in silences.items():
            if seconds > 2 * self.every_s:
                log.error("thread.silent", thread=name, silent_s=round(seconds, 1), frames=stack_of(name))

    def _forgive_lateness(self) -> None:
        before, self._looked_at = self._looked_at, monotonic()
        late_s = self._looked_at - before - self.every_s
        if late_s > self.every_s:
            for name in filter(self._sees, self._life.due()):
                self._life.forgive(name, late_s)

    def _has_been_heard(self, hand: Conversing) -> bool:
        conn = hand.connection
        if conn is None:
            return False
        if waits(conn) and conn.severed_at != conn.spoke_at:
            return True
        before, self._spoke[hand.name] = self._spoke.get(hand.name), (conn, conn.spoke_at)
        return before is not None and before[0] is conn and before[1] != conn.spoke_at


def waits(conn: BoundedConnection) -> bool:
    """Whether a command is in progress."""
    return conn.pgconn.transaction_status == TransactionStatus.ACTIVE


def stack_of(thread_name: str) -> list[str]:
    """Where a thread is, for the person who must find out why."""
    ident = next((thread.ident for thread in threading.enumerate() if thread.name == thread_name), None)
    frame = sys._current_frames().get(ident) if ident is not None else None
    return [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_stack(frame)[-FRAMES_TOLD:]]
