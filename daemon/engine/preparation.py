"""Batches that have to be prepared before they can be cut: who holds which, and until when."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Protocol

from psycopg import Connection
from psycopg.rows import class_row

from daemon.engine.life import Life
from daemon.engine.queue import Planned, Queue
from daemon.engine.status import BatchStatus
from daemon.engine.workload import PreparationEnded


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch that this worker holds from now on."""

    batch_id: int
    deaths: int  # holders before that were not heard of again
    tries: int  # failures in a row before

    @property
    def is_suspect(self) -> bool:
        return self.deaths > 0


class Lender(Protocol):
    """Where connections come from, in autocommit, for as long as a few statements last."""

    def __call__(self) -> AbstractContextManager[Connection]: ...


class Preparations:
    """The statements about preparations of one workload. Nothing is locked while a batch is held: its holder is
    believed alive for the length of a lease, and every write of its own is fenced by `keep`."""

    def __init__(self, queue: Queue) -> None:
        self.workload = queue.workload
        self.lease = queue.timing.lease
        self._queue = queue

    def take(self, conn: Connection, worker: str, *, takes_suspects: bool = True) -> Taken | None:
        """Hold the next batch that is due; None when there is none. A suspect is one that a holder has died with."""
        parameters = {"worker": worker, "takes_suspects": takes_suspects}
        with conn.cursor(row_factory=class_row(Taken)) as cursor:
            return cursor.execute(*self._call("take_preparation", parameters)).fetchone()

    def keep(self, conn: Connection, batch_id: int, worker: str) -> None:
        """Go on holding it, for another lease. Raises PreparationEnded when it is not the worker's any more, or wanted
        by nobody."""
        row = conn.execute(*self._call("keep_preparation", {"batch_id": batch_id, "worker": worker})).fetchone()
        if row is None:
            raise PreparationEnded("it is another's, or gone")
        if row[0] != BatchStatus.PENDING:
            raise PreparationEnded(f"the batch is {row[0]}")

    def release(
        self,
        conn: Connection,
        batch_id: int,
        worker: str,
        *,
        delay: timedelta | None = None,
        tries: int = 0,
        is_ready: bool = False,
    ) -> None:
        """Hold it no longer: it is ready to be cut, or due again after `delay`."""
        if delay is not None:
            delay = min(delay, self._queue.timing.longest_delay)
        parameters = {"batch_id": batch_id, "worker": worker, "delay": delay, "tries": tries, "is_ready": is_ready}
        conn.execute(*self._call("release_preparation", parameters))

    def fail(self, conn: Connection, batch_id: int, worker: str, message: str) -> list[Planned]:
        """End the batch as failed. Raises PreparationEnded when that is not the worker's to say."""
        with conn.transaction():
            self.keep(conn, batch_id, worker)
            failed = self._queue.fail(conn, batch_id, message)
            self.drop_unwanted(conn, worker)
        return failed

    def drop_unwanted(self, conn: Connection, worker: str) -> None:
        """Forget what was cancelled, deleted or has come to its end."""
        conn.execute(*self._call("drop_preparations", {"worker": worker}))

    def _call(self, name: str, parameters: Mapping[str, object]) -> tuple[bytes, dict[str, object]]:
        return self._queue.call(name, parameters)


class HeldBatch:
    """What a workload is given to prepare a batch with; implements Hold."""

    def __init__(
        self,
        preparations: Preparations,
        taken: Taken,
        worker: str,
        connection: Lender,
        stop: threading.Event,
        life: Life | None = None,
    ) -> None:
        self.batch_id = taken.batch_id
        self.tries = taken.tries + 1
        self._preparations = preparations
        self._worker = worker
        self._connection = connection
        self._stop = stop
        self._life = life or Life()
        self._is_writing = False  # then the hold is locked, and no second connection is asked for
        self._renew_s = preparations.lease.total_seconds() / 5
        self.kept_at = monotonic()

    def keep(self) -> None:
        self._life.beat()
        if self._stop.is_set():
            raise PreparationEnded("the daemon stops")
        if not self._is_writing and monotonic() - self.kept_at >= self._renew_s:
            with self._connection() as conn:
                self._preparations.keep(conn, self.batch_id, self._worker)
            self.kept_at = monotonic()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._connection() as conn, conn.transaction():
            self._preparations.keep(conn, self.batch_id, self._worker)
            self._is_writing = True
            try:
                yield conn
            finally:
                self._is_writing = False
        self.kept_at = monotonic()
