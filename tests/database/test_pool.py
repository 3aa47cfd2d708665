"""The pool: what bounds its sessions, and what bounds the wait for one."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolTimeout

from daemon.database.pool import Session, keep_doing, open_pool
from tests.support.database import Database
from tests.support.proxy import Proxy

pytestmark = pytest.mark.one_server  # its subject is the client

SHOWN = (
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
    "client_connection_check_interval",
    "default_transaction_isolation",
)
KEEPALIVES = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")


def shown(conn: psycopg.Connection, names: Sequence[str] = SHOWN) -> list[str]:
    return [conn.execute(f"SHOW {name}").fetchone()[0] for name in names]  # type: ignore[index,call-overload]


def test_every_session_is_bounded_and_named(database: Database) -> None:
    session = Session(
        database.dsn, "catalogd here", idle_in_transaction=timedelta(seconds=7), lock_timeout=timedelta(seconds=3)
    )
    with open_pool(session, 1) as pool, pool.connection() as pooled, session.connect("listener") as own:
        assert shown(pooled) == shown(own) == ["7s", "3s", "0", "500ms", "read committed"]
        assert pooled.execute("SHOW application_name").fetchone() == ("catalogd here",)
        assert own.execute("SHOW application_name").fetchone() == ("catalogd here listener",)
        assert pooled.autocommit
        assert own.autocommit


def test_a_hosts_long_name_leaves_room_for_what_the_session_is_for(database: Database) -> None:
    session = Session(database.dsn, f"catalogd {'h' * 63}:12345:abcdef")
    names = []
    for purpose in ("", "migration lock"):
        with session.connect(purpose) as conn:
            names.append(conn.execute("SHOW application_name").fetchone())
    assert names == [(f"catalogd {'h' * 54}",), (f"catalogd {'h' * 39} migration lock",)]


def test_a_statement_is_planned_once_in_a_session(database: Database) -> None:
    with open_pool(Session(database.dsn, "catalogd test"), 1) as pool, pool.connection() as conn:
        for value in (1, 2):
            conn.execute("SELECT %s::int AS planned_once", (value,))
        found = conn.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%planned_once'"
        ).fetchall()
    assert found == [(2, 0)]


def test_the_server_looks_for_a_lost_host_as_often_as_we_do(database: Database) -> None:
    with Session(database.server.dsn(database.name, tcp=True), "catalogd here").connect() as conn:
        assert shown(conn, KEEPALIVES) == ["5", "2", "3", "10000"]


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


@pytest.mark.timeout(40)
def test_a_host_that_stays_silent_is_passed_over(database: Database) -> None:
    direct = database.server.dsn(database.name, tcp=True)
    server = conninfo_to_dict(direct)
    with Proxy(direct) as silent:
        silent.stall()
        both = make_conninfo(direct, host=f"127.0.0.1,{server['host']}", port=f"{silent.port},{server['port']}")
        with Session(both, "catalogd test", connect_timeout=timedelta(seconds=2)).connect() as conn:
            assert conn.info.port == int(str(server["port"]))


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


def test_names_are_looked_up_where_they_were_at_the_start_and_last_in_temporary_tables(
    db: psycopg.Connection, database: Database
) -> None:
    with database.session.connect() as conn:
        db.execute("CREATE SCHEMA postgres; CREATE TABLE postgres.batch_slices ()")  # named like the role
        conn.execute("CREATE TEMP TABLE batch_slices ()")
        found = conn.execute("SELECT 'batch_slices'::regclass = 'public.batch_slices'::regclass").fetchone()
        assert found == (True,)


@pytest.mark.parametrize(
    ("given", "fixed"),
    [
        ('"$user", public', "public, pg_temp"),
        ('one, "a""b, c", public', 'one, "a""b, c", public, pg_temp'),
        ("pg_temp, public", "public, pg_temp"),
        ("nowhere", "nowhere"),  # or a table would be made among the temporary ones, and be lost
    ],
)
def test_a_search_path_of_the_roles_is_kept(db: psycopg.Connection, database: Database, given: str, fixed: str) -> None:
    db.execute('CREATE SCHEMA one; CREATE SCHEMA "a""b, c"')
    db.execute(f'ALTER DATABASE "{database.name}" SET search_path = {given}')
    with database.session.connect() as conn:
        assert conn.execute("SHOW search_path").fetchone() == (fixed,)


def test_the_pools_own_threads_do_a_chore_until_it_is_closed(database: Database) -> None:
    done = threading.Semaphore(0)
    threads: set[str] = set()

    def chore() -> None:
        threads.add(threading.current_thread().name)
        done.release()

    with open_pool(database.session, 1) as pool:
        keep_doing(pool, chore, 0.001)
        for _ in range(5):
            assert done.acquire(timeout=10)
    assert all("catalogd-worker" in name for name in threads)
    while done.acquire(timeout=0.1):  # what was under way
        pass
