"""The pool: what bounds its sessions, and what bounds the wait for one."""

from datetime import timedelta
from time import monotonic

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from daemon.database.pool import Session, open_pool
from tests.support.database import Database
from tests.support.proxy import Proxy

SHOWN = ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout", "client_connection_check_interval")


def shown(conn: psycopg.Connection) -> list[str]:
    return [conn.execute(f"SHOW {name}").fetchone()[0] for name in SHOWN]  # type: ignore[index,call-overload]


def test_every_session_is_bounded_and_named(database: Database) -> None:
    session = Session(
        database.dsn, "catalogd here", idle_in_transaction=timedelta(seconds=7), lock_timeout=timedelta(seconds=3)
    )
    with open_pool(session, 1) as pool, pool.connection() as pooled, session.connect("listener") as own:
        assert shown(pooled) == shown(own) == ["7s", "3s", "0", "500ms"]
        assert pooled.execute("SHOW application_name").fetchone() == ("catalogd here",)
        assert own.execute("SHOW application_name").fetchone() == ("catalogd here listener",)
        assert pooled.autocommit
        assert own.autocommit


def test_a_statement_timeout_of_the_role_does_not_undo_our_work(db: psycopg.Connection, database: Database) -> None:
    db.execute(f'ALTER DATABASE "{database.name}" SET statement_timeout = 5')
    with database.session.connect() as conn:
        assert conn.execute("SELECT pg_sleep(0.05)").fetchone() == ("",)


def test_the_connection_string_is_not_shown() -> None:
    assert "secret" not in repr(Session("host=h password=secret", "x"))


def test_a_stalled_network_bounds_the_wait_for_a_connection(database: Database) -> None:
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        pool = open_pool(Session(proxy.dsn, "catalogd test", connect_timeout=timedelta(seconds=2)), 1)
        proxy.stall()
        began = monotonic()
        with pytest.raises(PoolTimeout), pool.connection():
            pass
        assert monotonic() - began < 9.0
        proxy.resume()
        with pool.connection(timeout=20) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
        pool.close()


def test_dead_connections_are_replaced_before_use(db: psycopg.Connection, database: Database) -> None:
    with open_pool(database.session, 2) as pool:
        db.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with pool.connection() as one, pool.connection() as other:
            assert one.execute("SELECT 1").fetchone() == other.execute("SELECT 1").fetchone()


def test_a_server_that_is_not_there_is_told_and_no_thread_is_left(database: Database) -> None:
    nowhere = Session("host=127.0.0.1 port=1 user=x dbname=x", "x", connect_timeout=timedelta(seconds=1))
    with pytest.raises(PoolTimeout):
        open_pool(nowhere, 1, wait=timedelta(seconds=0.3))
