"""The sign of life, with a deadline that holds whatever the network does."""

import threading
from time import monotonic
from typing import Any

import psycopg
import pytest

from daemon.database import pool
from daemon.database.pool import Session
from daemon.database.probe import deadline, hear, probe, sever
from tests.support.database import Database
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until_blocked


def test_a_healthy_connection_answers_and_can_be_used_on(db: psycopg.Connection) -> None:
    probe(db, deadline_s=5.0)
    assert db.execute("SELECT 1").fetchone() == (1,)


def test_silence_is_noticed_within_the_deadline(database: Database) -> None:
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        conn = psycopg.connect(proxy.dsn, autocommit=True)
        proxy.stall()
        began = monotonic()
        with pytest.raises(psycopg.OperationalError, match="no answer in time"):
            probe(conn, deadline_s=0.3)
        assert 0.3 <= monotonic() - began < 2.0
        assert conn.closed


def test_a_block_that_takes_too_long_loses_its_connection(database: Database) -> None:
    with (
        Proxy(database.server.dsn(database.name, tcp=True)) as proxy,
        psycopg.connect(proxy.dsn, autocommit=True) as conn,
    ):
        with deadline(conn, 20.0):
            conn.execute("SELECT 1")
        proxy.stall()
        began = monotonic()
        with pytest.raises(psycopg.OperationalError), deadline(conn, 0.3):
            conn.execute("SELECT 1")
        assert 0.3 <= monotonic() - began < 10.0


def test_a_session_is_not_waited_for_when_the_server_falls_silent_after_the_handshake(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "ANSWER_S", 0.3)
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        connect = pool.BoundedConnection.connect

        def connect_and_stall(*arguments: Any, **keywords: Any) -> psycopg.Connection:
            conn = connect(*arguments, **keywords)
            proxy.stall()
            return conn

        monkeypatch.setattr(pool.BoundedConnection, "connect", connect_and_stall)
        with pytest.raises(psycopg.OperationalError):
            Session(proxy.dsn, "catalogd test").connect()


def test_a_cut_connection_is_noticed_at_once(database: Database) -> None:
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        conn = psycopg.connect(proxy.dsn, autocommit=True)
        proxy.cut()
        began = monotonic()
        with pytest.raises(psycopg.OperationalError):
            probe(conn, deadline_s=20.0)
        assert monotonic() - began < 5.0
        assert conn.closed


def test_a_session_that_the_server_ended_is_noticed(db: psycopg.Connection, database: Database) -> None:
    conn = database.connect()
    db.execute("SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        probe(conn, deadline_s=5.0)
    assert conn.closed


def test_a_notification_that_comes_with_the_answer_is_not_lost(db: psycopg.Connection, database: Database) -> None:
    with database.connect() as conn:
        conn.execute("LISTEN one")
        conn.execute("LISTEN other")
        db.execute("NOTIFY one")
        db.execute("NOTIFY other, 'something'")
        probe(conn, deadline_s=5.0)  # reads what lies before its answer
        assert hear(conn) == {("one", ""), ("other", "something")}
        assert hear(conn) == set()


def test_a_severed_connection_fails_the_thread_that_waits_on_it(db: psycopg.Connection, database: Database) -> None:
    failures: list[Exception] = []
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy, database.connect() as blocker:
        conn = psycopg.connect(proxy.dsn, autocommit=True)
        blocker.execute("BEGIN; LOCK TABLE users")

        def wait() -> None:
            try:
                conn.execute("SELECT FROM users")
            except psycopg.OperationalError as error:
                failures.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        wait_until_blocked(db, blocker)
        proxy.stall()
        sever(conn)
        thread.join(5)
        assert len(failures) == 1
        assert conn.closed
        sever(conn)  # harmless when repeated
