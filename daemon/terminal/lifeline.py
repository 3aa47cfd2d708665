"""A connection for whoever looks again and again: opened anew after it was lost, never waited on for ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import Connection

from daemon.database.pool import ANSWER_S
from daemon.database.probe import deadline


class Lifeline:
    """One connection at a time. `connect` may raise psycopg's errors, and DaemonError where the schema is another's."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._conn: Connection | None = None

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """For a few statements that are answered at once: after some seconds of silence they are given up."""
        if self._conn is None:
            self._conn = self._connect()
        try:
            with deadline(self._conn, ANSWER_S):
                yield self._conn
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        if self._conn is not None:
            with suppress(psycopg.Error):
                self._conn.close()
            self._conn = None
