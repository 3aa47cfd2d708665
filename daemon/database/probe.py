"""Asks a connection for a sign of life with a deadline of our own, and ends one that gives none."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg import Connection
from psycopg.pq import ExecStatus


class Heard(NamedTuple):
    """A notification; the same one sent twice is one."""

    channel: str
    payload: str


def probe(conn: Connection, deadline_s: float) -> None:
    """Send an empty query and wait at most `deadline_s` seconds for its answer.

    A silent proxy acknowledges TCP keepalives, so `conn.execute` may wait for ever where this does not. Raises
    `psycopg.OperationalError` and closes the connection when no answer comes. The connection must be idle and used
    by no other thread. Notifications that arrive with the answer stay with libpq until `hear` takes them;
    `conn.notifies` waits for more bytes first.
    """
    try:
        _round_trip(conn, time.monotonic() + deadline_s)
    except psycopg.OperationalError:
        conn.pgconn.finish()
        raise


def hear(conn: Connection) -> set[Heard]:
    """The notifications that have arrived, without waiting. Raises `psycopg.OperationalError`."""
    conn.pgconn.consume_input()
    heard = set()
    while notification := conn.pgconn.notifies():
        heard.add(Heard(notification.relname.decode(), notification.extra.decode(errors="replace")))
    return heard


def sever(conn: Connection) -> None:
    """End a connection that another thread waits on, whatever the network does: that thread's statement fails now."""
    try:
        with socket.socket(fileno=os.dup(conn.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        return  # it has ended by itself


@contextmanager
def deadline(conn: Connection, seconds: float) -> Iterator[None]:
    """Sever the connection when the block takes longer: for statements that are answered at once, or never."""
    timer = threading.Timer(seconds, sever, [conn])
    timer.name = "deadline"
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


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
    wire = [conn.pgconn.socket]
    remaining = deadline - time.monotonic()
    ready = select.select([] if for_writing else wire, wire if for_writing else [], [], max(remaining, 0))
    if not (ready[0] or ready[1]):
        raise psycopg.OperationalError("the server gave no answer in time")
