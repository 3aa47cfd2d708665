"""Starts and stops the threads, in order."""

import queue
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import psycopg
import structlog

from daemon.database.failures import summary
from daemon.database.probe import sever
from daemon.engine.life import Life
from daemon.engine.listener import Listener
from daemon.engine.preparer import Preparer
from daemon.engine.schedule import Schedule
from daemon.engine.vigil import Vigil, stack_of
from daemon.engine.watch import Watch
from daemon.engine.worker import Lookout, Worker

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ThreadEnded:
    """Told by a thread about itself, last of all."""

    name: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Asked for by the program itself; a signal says the same from outside."""

    reason: str


CANCEL_EVERY_S = 0.5  # a cancellation that comes between two statements hits neither: it is repeated
CANCEL_PATIENCE_S = 5.0  # a server that has not answered by then is not reached: the connection is severed
LEAVE_PATIENCE_S = 10.0  # a thread that has not ended by then never will: it is left behind
LAST_PATIENCE_S = 25.0  # beyond the grace: then this thread itself is held up, by a lock that a frozen one holds
WATCH_PATIENCE_S = 1.0  # the watch may be waiting for a server; it holds nothing that would be lost
CONNECTING_PATIENCE_S = 1.0  # nor does who is opening a connection
DRAIN_S = 2.0  # while threads end: how often it is looked whether they come on


Inbox = queue.SimpleQueue[ThreadEnded | StopRequested | int]


@dataclass(frozen=True, slots=True)
class Outside:
    """Whom the supervisor tells what: systemd, above all. None of these may wait or raise."""

    ready: Callable[[], object] = lambda: None
    alive: Callable[[], object] = lambda: None  # every few seconds, while every thread shows life
    reload: Callable[[], object] = lambda: None
    stopping: Callable[[timedelta], object] = lambda _: None  # after so long at the latest it is over
    draining: Callable[[int], object] = lambda _: None  # so many threads end, and some come on


class Supervisor:
    """Runs listener, workers, preparers, schedule and watch until a signal, a request or a crash, and keeps vigil
    meanwhile: a thread that shows no life any more is like one that has crashed. `run` returns the exit code.

    Every thread is joined, but for one that is silent, or still opening a connection: then the process must end by
    `leave`, for the interpreter would wait for that thread.
    """

    def __init__(
        self,
        listener: Listener,
        workers: Sequence[Worker],
        lookouts: Sequence[Lookout],
        watch: Watch,
        stop: threading.Event,
        cancelled: threading.Event,
        inbox: Inbox,
        grace: timedelta,
        leave: Callable[[int], object],
        life: Life,
        outside: Outside,
        schedule: Schedule | None = None,
        preparers: Sequence[Preparer] = (),
    ) -> None:
        self._listener = listener
        self._hands: Sequence[Worker | Preparer | Schedule] = [*workers, *preparers, *([schedule] if schedule else [])]
        self._lookouts = lookouts
        self._watch = watch
        self._stop = stop
        self._cancelled = cancelled
        self._inbox = inbox
        self._grace_s = grace.total_seconds()
        self._leave = leave
        self._life = life
        self._outside = outside
        self._name = threading.current_thread().name
        self._vigil = Vigil(life, lambda name: name != self._name, self._hands)
        self._threads: dict[str, threading.Thread] = {}
        self._crashed = False
        self._silent: set[str] = set()

    def run(self) -> int:
        """From start to the last joined thread. Call from the main thread, with the signals caught."""
        try:
            self._end(self._begin())
        except BaseException as error:  # noqa: BLE001  # nobody would stop the threads, nor hear a signal
            self._tell_crash("main", error)
            self._leave(1)
        code = 1 if self._crashed else 0
        if self._silent or any(thread.is_alive() for thread in self._threads.values()):
            self._leave(code)
        return code

    def _begin(self) -> str:
        """Everything at work; returns once there is a reason to stop, and tells it."""
        try:
            self._start({"listener": self._listener.run})
            self._listener.is_settled.wait(timeout=30.0)
            self._start({hand.name: hand.run for hand in self._hands} | {"watch": self._watch.run})
            self._outside.ready()
            self._name = threading.current_thread().name
            with self._life.of(self._name):
                return self._wait_for_end()
        except Exception as error:  # noqa: BLE001  # a limit of threads, say: work in hand is finished
            self._tell_crash("main", error)
            return "main crashed"

    def _end(self, reason: str) -> None:
        last = threading.Timer(self._grace_s + LAST_PATIENCE_S, self._leave, [1])
        last.name = "last patience"
        last.start()
        try:
            self._stop_all(reason)
        finally:
            last.cancel()
            last.join()

    def _stop_all(self, reason: str) -> None:
        began = monotonic()
        self._outside.stopping(timedelta(seconds=self._grace_s + LAST_PATIENCE_S))
        log.info("daemon.stopping", signal=reason)
        self._stop_hands()
        self._listener.interrupt()
        for name, patience_s in (("listener", LEAVE_PATIENCE_S), ("watch", WATCH_PATIENCE_S)):
            if name in self._threads and name not in self._silent:
                is_connecting = self._life.is_connecting(name)
                self._threads[name].join(min(patience_s, CONNECTING_PATIENCE_S) if is_connecting else patience_s)
        self._listener.close()
        log.info("daemon.stopped", duration_ms=round((monotonic() - began) * 1000, 1))

    def _start(self, targets: Mapping[str, Callable[[], None]]) -> None:
        for name, target in targets.items():
            thread = threading.Thread(target=self._frame, args=(name, target), name=name)
            thread.start()
            self._threads[name] = thread

    def _frame(self, name: str, target: Callable[[], None]) -> None:
        try:
            with self._life.of(name):
                target()
        except BaseException as error:  # noqa: BLE001  # a thread's outermost frame: whatever it is, it is told
            self._tell_crash(name, error)
        finally:
            self._inbox.put(ThreadEnded(name))

    def _tell_crash(self, thread: str, error: BaseException) -> None:
        self._crashed = True
        log.error(
            "thread.crashed", thread=thread, error_type=type(error).__name__, error=summary(error), exc_info=error
        )

    def _wait_for_end(self) -> str:
        while True:
            match self._hear():
                case None:
                    pass
                case StopRequested(reason):
                    return reason
                case ThreadEnded(name):
                    self._crashed = True  # it ended by itself, even if by no error
                    self._join(name)
                    return f"{name} ended"
                case signal.SIGHUP:
                    self._outside.reload()
                case signum:
                    return signal.Signals(signum).name
            self._life.beat()
            if silent := self._vigil.look():
                self._crashed = True
                self._silent.update(silent)
                return f"{silent[0]} is silent"
            self._outside.alive()

    def _hear(self) -> ThreadEnded | StopRequested | int | None:
        """What is told before the next look, if anything."""
        with suppress(queue.Empty):
            return self._inbox.get(timeout=self._vigil.every_s)
        return None

    def _stop_hands(self) -> None:
        """Workers finish the slice in hand, preparers and the schedule leave what they are at; past the grace, or at a
        second signal, what runs is cancelled."""
        self._stop.set()
        for lookout in self._lookouts:
            lookout.wakeup.close()
            lookout.preparers.close()
        began = monotonic()
        deadline = began + self._grace_s
        cancelled_at = 0.0
        signs: object = None
        while remaining := self._remaining(leaves_connecting=monotonic() - began >= CONNECTING_PATIENCE_S):
            before, signs = signs, self._signs_of(remaining)
            if signs != before:
                self._outside.draining(len(remaining))
            pause_s = CANCEL_EVERY_S if self._cancelled.is_set() else min(DRAIN_S, max(0.0, deadline - monotonic()))
            if any(map(self._life.is_connecting, remaining)):
                pause_s = min(pause_s, CONNECTING_PATIENCE_S)
            try:
                message = self._inbox.get(timeout=pause_s)
            except queue.Empty:
                message = StopRequested("time is up")
            if isinstance(message, ThreadEnded):
                self._join(message.name)
            elif message == signal.SIGHUP:
                continue  # there is nothing left to reload
            elif isinstance(message, int) or self._cancelled.is_set() or monotonic() >= deadline:
                if not self._cancelled.is_set():
                    self._cancelled.set()
                    cancelled_at = monotonic()
                waited_s = monotonic() - cancelled_at
                self._cancel(by_force=waited_s >= CANCEL_PATIENCE_S)
                if waited_s >= LEAVE_PATIENCE_S:
                    self._give_up()

    def _signs_of(self, names: Sequence[str]) -> object:
        """What differs once one of these has shown life."""
        due = self._life.due()
        spoke = [hand.connection.spoke_at for hand in self._hands if hand.connection is not None]
        return [due.get(name) for name in names], spoke

    def _remaining(self, *, leaves_connecting: bool = False) -> list[str]:
        """Who is waited for; after a while, not who is opening a connection. When one is silent, others may wait for a
        lock that it holds: then, who has something in hand that can be committed."""
        started = [hand for hand in self._hands if hand.name in self._threads and self._threads[hand.name].is_alive()]
        awaited = [hand.name for hand in started if not self._silent or hand.connection is not None]
        if leaves_connecting:
            awaited = [name for name in awaited if not self._life.is_connecting(name)]
        return [name for name in awaited if name not in self._silent]

    def _give_up(self) -> None:
        for name in self._remaining():
            log.error("thread.silent", thread=name, silent_s=LEAVE_PATIENCE_S, frames=stack_of(name))
            self._silent.add(name)
            self._crashed = True

    def _cancel(self, *, by_force: bool) -> None:
        for hand in self._hands:
            conn = hand.connection
            if conn is not None and not conn.closed:
                if by_force:
                    sever(conn)
                    continue
                try:
                    conn.cancel_safe(timeout=2.0)
                except psycopg.Error as error:
                    log.warning("worker.waiting", worker=hand.name, error=summary(error))

    def _join(self, name: str) -> None:
        self._threads[name].join()
