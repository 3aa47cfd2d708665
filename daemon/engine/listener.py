"""The listening thread: LISTEN on a connection of its own, ring the bells, prove that it can hear, reconnect."""

import os
import select
import threading
import uuid
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import psycopg
import structlog
from psycopg import Connection, sql

from daemon.database.failures import summary
from daemon.database.probe import Heard, deadline, hear, probe
from daemon.database.statements import statement
from daemon.engine.backoff import Backoff
from daemon.engine.life import BORROWING_S, Life
from daemon.engine.telemetry import ListenerState, Telemetry
from daemon.engine.worker import Lookout

log = structlog.get_logger()

CHANNEL = "catalogd"
CALLS = 64  # of other threads, at a time


@dataclass(frozen=True, slots=True)
class Hearing:
    """How the listener's own health is watched; deafness is found within `probe_every + probe_deadline`."""

    probe_every: timedelta = timedelta(seconds=8)
    probe_deadline: timedelta = timedelta(seconds=4)
    self_test: timedelta = timedelta(seconds=2)  # how long the notification to ourselves may take
    retest: timedelta = timedelta(minutes=5)  # between self-tests while a pooler stands in between


class Deaf(Exception):
    """LISTEN succeeded, yet nothing arrives: a transaction pooler stands in between."""


class Listener:
    """Rings the bell of the table that a notification names, or all where it names none of ours.

    All ring once after each LISTEN, for what was sent meanwhile is gone.

    `connect` opens the listening connection; `notify` sends an empty notification on a channel through another one.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        notify: Callable[[str], None],
        lookouts: Sequence[Lookout],
        stop: threading.Event,
        backoff: Backoff,
        hearing: Hearing | None = None,
        on_deaf: Callable[[], object] = lambda: None,
        life: Life | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.is_settled = threading.Event()  # it listens, or it is known that it cannot
        self._connect = connect
        self._notify = notify
        self._lookouts = lookouts
        self._stop = stop
        self._backoff = backoff
        self._hearing = hearing or Hearing()
        self._on_deaf = on_deaf
        self._life = life or Life()
        self._telemetry = telemetry or Telemetry()
        self._anew = threading.Event()
        self._call_reader, self._call_writer = os.pipe()
        self._said_deaf = False

    def interrupt(self) -> None:
        """Wake the thread, from any other, so that it sees that it must stop."""
        os.write(self._call_writer, b"!")

    def renew(self) -> None:
        """Have the thread connect anew, at once; from any other."""
        self._anew.set()
        self.interrupt()

    def close(self) -> None:
        """After the thread has ended."""
        os.close(self._call_reader)
        os.close(self._call_writer)

    def run(self) -> None:
        """Until stopped. Without hearing the workers poll; the work goes on."""
        try:
            while not self._stop.is_set():
                try:
                    self._anew.clear()
                    with self._life.connecting():
                        opened = self._connect()
                    with opened as conn:
                        self._listen(conn)
                except Deaf:
                    self._say_deaf()
                    self._pause(self._hearing.retest.total_seconds())
                except psycopg.Error as error:
                    self._lose(error)
        finally:
            self.is_settled.set()  # a start must not wait for a thread that has ended

    def _listen(self, conn: Connection) -> None:
        self._test_hearing(conn)
        with deadline(conn, self._hearing.probe_deadline.total_seconds()):
            conn.execute(statement("daemon.engine", "listen", channel=CHANNEL))
        log.info("listener.connected", channel=CHANNEL)
        self._telemetry.listens(ListenerState.CONNECTED)
        self._backoff.reset()
        self._said_deaf = False
        for lookout in self._lookouts:
            lookout.is_deaf.clear()
        self._ring()
        self.is_settled.set()
        while not self._is_called():
            is_silent = not self._wait_for_bytes(conn, self._hearing.probe_every.total_seconds())
            if is_silent and not self._is_called():
                probe(conn, self._hearing.probe_deadline.total_seconds())
            if heard := hear(conn):  # also what came with the answer to the probe
                self._ring({notification.payload for notification in heard})

    def _is_called(self) -> bool:
        """Away from this connection."""
        return self._stop.is_set() or self._anew.is_set()

    def _test_hearing(self, conn: Connection) -> None:
        """By a channel that nobody else knows: behind a pooler, others are given a session that listens to it."""
        channel = f"{CHANNEL}_{uuid.uuid4().hex}"
        answer_s = self._hearing.probe_deadline.total_seconds()
        with deadline(conn, answer_s):
            conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        self._life.beat(BORROWING_S)
        self._notify(channel)
        is_deaf = not self._hears(conn, channel)
        with deadline(conn, answer_s):
            conn.execute(sql.SQL("UNLISTEN {}").format(sql.Identifier(channel)))
        if is_deaf:
            raise Deaf

    def _hears(self, conn: Connection, channel: str) -> bool:
        """Whether a notification comes in time. A stop is no proof of the contrary."""
        patience_ends = monotonic() + self._hearing.self_test.total_seconds()
        while not self._stop.is_set():
            remaining = patience_ends - monotonic()
            if remaining <= 0:
                return False
            if self._wait_for_bytes(conn, remaining) and Heard(channel, "") in hear(conn):
                return True
        return True

    def _wait_for_bytes(self, conn: Connection, timeout_s: float) -> bool:
        return conn.fileno() in self._wait_to_read([conn.fileno()], timeout_s)

    def _wait_to_read(self, files: list[int], timeout_s: float) -> list[int]:
        """Those that can be read; none, too, when another thread calls."""
        found = self._life.wait(lambda s: select.select([*files, self._call_reader], [], [], s)[0], timeout_s)
        if self._call_reader in found:
            os.read(self._call_reader, CALLS)
        return [file for file in found if file != self._call_reader]

    def _ring(self, tables: Set[str] = frozenset()) -> None:
        concerned = [lookout for lookout in self._lookouts if lookout.table in tables]
        for lookout in concerned if concerned and len(concerned) == len(tables) else self._lookouts:
            lookout.wakeup.ring()

    def _lose(self, error: psycopg.Error) -> None:
        delay_s = self._backoff.next_s()
        self._telemetry.listens(ListenerState.LOST, summary(error))
        log.warning("listener.lost", channel=CHANNEL, error=summary(error), retry_in_s=round(delay_s, 2))
        self._poll_instead()
        self._pause(delay_s)

    def _say_deaf(self) -> None:
        if not self._said_deaf:
            self._on_deaf()
            log.warning(
                "listener.deaf",
                channel=CHANNEL,
                retry_in_s=self._hearing.retest.total_seconds(),
                hint="a transaction pooler drops notifications; polling instead",
            )
        self._said_deaf = True
        self._telemetry.listens(ListenerState.DEAF)
        self._poll_instead()

    def _poll_instead(self) -> None:
        for lookout in self._lookouts:
            lookout.is_deaf.set()
        self._ring()  # whoever sleeps for long now begins to look again
        self.is_settled.set()

    def _pause(self, delay_s: float) -> None:
        self._wait_to_read([], delay_s)
