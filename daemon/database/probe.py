"""Asks a connection for a sign of life, with a deadline of our own."""

import select
import time

import psycopg
from psycopg import Connection
from psycopg.pq import ExecStatus


def probe(conn: Connection, deadline_s: float) -> None:
    """Send an empty query and wait at most `deadline_s` seconds for its answer.

    A silent proxy acknowledges TCP keepalives, so `conn.execute` may wait for ever where this does not. Raises
    `psycopg.OperationalError` and closes the connection when no answer comes. The connection must be idle and used
    by no other thread. Notifications that arrive with the answer stay with libpq and are seen by the next
    `conn.notifies(timeout=0)`.
    """
    try:
        _round_trip(conn, time.monotonic() + deadline_s)
    except psycopg.OperationalError:
        conn.pgconn.finish()
        raise


def _round_trip(conn: Connection, deadline: float) -> None:
    pgconn = conn.pgconn
    pgconn.send_query(b"")
    while pgconn.flush():
        _wait(conn, deadline, for_writing=True)
    while True:
        while pgconn.is_busy():
            _wait(conn, deadline, for_writing=False)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.OperationalError("the server ended the session")


def _wait(conn: Connection, deadline: float, *, for_writing: bool) -> None:
    socket = [conn.pgconn.socket]
    remaining = deadline - time.monotonic()
    ready = select.select([] if for_writing else socket, socket if for_writing else [], [], max(remaining, 0))
    if not (ready[0] or ready[1]):
        raise psycopg.OperationalError("the server gave no answer in time")
