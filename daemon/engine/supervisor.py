"""Starts, watches and stops the threads, in order."""

import queue
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import psycopg
import structlog

from daemon.database.failures import summary
from daemon.database.probe import sever
from daemon.engine.listener import Listener
from daemon.engine.worker import Lookout, Worker

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ThreadEnded:
    """Told by a thread about itself, last of all."""

    name: str
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Asked for by the program itself; a signal says the same from outside."""

    reason: str


CANCEL_EVERY_S = 0.5  # a cancellation that comes between two statements hits neither: it is repeated
CANCEL_PATIENCE_S = 5.0  # a server that has not answered by then is not reached


Inbox = queue.SimpleQueue[ThreadEnded | StopRequested | int]


class Supervisor:
    """Runs listener and workers until a signal, a request or a crash. `run` returns the exit code."""

    def __init__(
        self,
        listener: Listener,
        workers: Sequence[Worker],
        lookouts: Sequence[Lookout],
        stop: threading.Event,
        cancelled: threading.Event,
        inbox: Inbox,
        grace: timedelta,
        on_ready: Callable[[], object],
        on_stopping: Callable[[], object],
    ) -> None:
        self._listener = listener
        self._workers = workers
        self._lookouts = lookouts
        self._stop = stop
        self._cancelled = cancelled
        self._inbox = inbox
        self._grace_s = grace.total_seconds()
        self._on_ready = on_ready
        self._on_stopping = on_stopping
        self._threads: dict[str, threading.Thread] = {}
        self._crashed = False

    def run(self) -> int:
        """From start to the last joined thread. Call from the main thread, with the signals caught."""
        self._start({"listener": self._listener.run})
        self._listener.is_settled.wait(timeout=30.0)
        self._start({worker.name: worker.run for worker in self._workers})
        self._on_ready()
        reason = self._wait_for_end()
        began = monotonic()
        self._on_stopping()
        log.info("daemon.stopping", signal=reason)
        self._stop_workers()
        self._listener.interrupt()
        self._join("listener")
        self._listener.close()
        log.info("daemon.stopped", duration_ms=round((monotonic() - began) * 1000, 1))
        return 1 if self._crashed else 0

    def _start(self, targets: Mapping[str, Callable[[], None]]) -> None:
        for name, target in targets.items():
            thread = threading.Thread(target=self._frame, args=(name, target), name=name)
            self._threads[name] = thread
            thread.start()

    def _frame(self, name: str, target: Callable[[], None]) -> None:
        error: BaseException | None = None
        try:
            target()
        except BaseException as caught:  # a thread's outermost frame: whatever it is, it is told
            error = caught
            log.error(
                "thread.crashed",
                thread=name,
                error_type=type(caught).__name__,
                error=summary(caught),
                exc_info=True,
            )
        finally:
            self._inbox.put(ThreadEnded(name, error))

    def _wait_for_end(self) -> str:
        message = self._inbox.get()
        match message:
            case StopRequested(reason):
                return reason
            case ThreadEnded(name):
                self._crashed = True
                self._join(name)
                return f"{name} ended"
            case signum:
                return signal.Signals(signum).name

    def _stop_workers(self) -> None:
        """Workers finish the slice in hand; past the grace, or at a second signal, it is cancelled."""
        self._stop.set()
        for lookout in self._lookouts:
            lookout.wakeup.close()
        deadline = monotonic() + self._grace_s
        patience_ends = 0.0
        while any(self._threads[worker.name].is_alive() for worker in self._workers):
            pause_s = CANCEL_EVERY_S if self._cancelled.is_set() else max(0.0, deadline - monotonic())
            try:
                message = self._inbox.get(timeout=pause_s)
            except queue.Empty:
                message = StopRequested("time is up")
            if isinstance(message, ThreadEnded):
                self._crashed = self._crashed or message.error is not None
                self._join(message.name)
            elif isinstance(message, int) or self._cancelled.is_set() or monotonic() >= deadline:
                if not self._cancelled.is_set():
                    self._cancelled.set()
                    patience_ends = monotonic() + CANCEL_PATIENCE_S
                self._cancel(by_force=monotonic() >= patience_ends)

    def _cancel(self, *, by_force: bool) -> None:
        for worker in self._workers:
            conn = worker.connection
            if conn is not None and not conn.closed:
                if by_force:
                    sever(conn)
                    continue
                try:
                    conn.cancel_safe(timeout=2.0)
                except psycopg.Error as error:
                    log.warning("worker.waiting", worker=worker.name, error=summary(error))

    def _join(self, name: str) -> None:
        self._threads[name].join()
