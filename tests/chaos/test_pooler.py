"""Behind a transaction pooler LISTEN succeeds and hears nothing; the work goes on by polling, and PHP, which shares the
pooler's sessions, finds them as it left them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from daemon.database.pool import Session
from daemon.engine.listener import CHANNEL
from tests.chaos.work import Work
from tests.support.database import Database
from tests.support.engine import make_queue
from tests.support.factories import batch, shop
from tests.support.pgbouncer import PGBOUNCER, Pooler
from tests.support.process import Catalogd
from tests.support.roles import runtime_dsn
from tests.support.waiting import wait_until_blocked

pytestmark = [
    pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed"),
    pytest.mark.one_server,  # its subject is the pooler
]

SERVER_SESSIONS = 3
SETTINGS = (
    "SELECT name, setting FROM pg_settings"
    " WHERE name IN ('idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout', 'transaction_timeout',"
    " 'client_connection_check_interval', 'default_transaction_isolation', 'application_name')"
)


@pytest.fixture
def pooler(database: Database) -> Iterator[Pooler]:
    with Pooler(runtime_dsn(database), default_pool_size=SERVER_SESSIONS) as running:
        yield running


def settings(conn: psycopg.Connection) -> dict[str, str]:
    return dict(conn.execute(SETTINGS).fetchall())


def settings_of_every_server_session(pooler: Pooler) -> list[dict[str, object]]:
    """As PHP finds them: as many transactions at once as there are sessions, so that each has one of its own."""
    with ExitStack() as clients:
        found = {}
        for _ in range(SERVER_SESSIONS):
            php = clients.enter_context(psycopg.connect(pooler.dsn, prepare_threshold=None))
            row = php.execute("SELECT pg_backend_pid()").fetchone()
            channels = php.execute("SELECT count(*) FROM pg_listening_channels() AS name WHERE name = %s", (CHANNEL,))
            found[row] = settings(php) | {"listens": channels.fetchone() != (0,)}
        assert len(found) == SERVER_SESSIONS
        return list(found.values())


def test_a_pooler_is_found_out_and_batches_are_treated_by_polling(database: Database, pooler: Pooler) -> None:
    with Work(database, products=300, dsn=pooler.dsn, CATALOGD_WORKERS="6") as work:
        work.process.wait_for("listener.deaf")
        for _ in range(20):
            work.insert()
        work.complete()
        work.assert_unharmed()
        assert len(work.events("listener.deaf")) == 1
        assert work.events("slice.retried") == work.events("worker.waiting") == []


def test_sessions_that_php_shares_keep_their_settings(
    database: Database, db: psycopg.Connection, pooler: Pooler
) -> None:
    as_they_were = settings(db) | {"application_name": "", "listens": False}
    with Work(database, products=2_000, dsn=pooler.dsn, CATALOGD_WORKERS="4") as work:
        work.process.wait_for("listener.deaf")
        work.insert()
        work.complete()
        assert settings_of_every_server_session(pooler) == [as_they_were] * SERVER_SESSIONS
        work.assert_unharmed()


def test_each_transaction_brings_its_bounds_and_takes_them_along(database: Database, db: psycopg.Connection) -> None:
    db.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_isolation = serializable')  # type: ignore[call-overload]
    session = replace(database.session, idle_in_transaction=timedelta(seconds=7), lock_timeout=timedelta(seconds=3))
    with Pooler(database.dsn) as pooler, replace(session, conninfo=pooler.dsn).connect() as conn:
        before = settings(conn)
        with conn.transaction():
            with conn.transaction():
                within = settings(conn)
            assert conn.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
        assert before == settings(conn)
        changed = {name: value for name, value in within.items() if value != before[name]}
        name = session.application_name
        bounds = {"idle_in_transaction_session_timeout": "7000", "lock_timeout": "3000", "application_name": name}
        assert changed == bounds


def test_transactions_are_bounded_all_the_same(database: Database, db: psycopg.Connection, pooler: Pooler) -> None:
    with Work(database, products=1_000, dsn=pooler.dsn) as work, database.connect() as php:
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (work.product_ids[0],))
            work.insert()
            wait_until_blocked(db, php)
            work.process.wait_for("slice.retried", sqlstate="55P03")
        work.complete()
        work.assert_unharmed()


def test_a_long_planning_is_not_undone_by_the_timeout_of_the_role(database: Database, db: psycopg.Connection) -> None:
    db.execute(
        "CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END $$"
    )
    db.execute("CREATE TRIGGER long BEFORE INSERT ON batch_slices FOR EACH ROW EXECUTE FUNCTION take_long()")
    db.execute(f'ALTER DATABASE "{database.name}" SET statement_timeout = 300')
    batch_id = batch(db, shop(db, products=1))
    with Pooler(database.dsn) as pooler, Session(pooler.dsn, "catalogd test").connect() as conn:
        assert conn.execute("SHOW statement_timeout").fetchone() == ("300ms",)
        assert [planned.id for planned in make_queue().plan(conn)] == [batch_id]


def test_a_pooler_that_restarts_and_drops_idle_sessions_is_found_again(database: Database) -> None:
    with (
        Pooler(runtime_dsn(database), server_idle_timeout=1, server_lifetime=1) as pooler,
        Work(database, products=8_000, dsn=pooler.dsn) as work,
    ):
        work.process.wait_for("listener.deaf")
        for _ in range(2):
            work.insert()
            work.wait_for_progress()
            pooler.stop()
            work.process.wait_for("worker.waiting")
            pooler.start()
        work.complete()
        work.assert_unharmed()
        assert len(work.events("listener.deaf")) == 1


@pytest.mark.parametrize("migrations", [3, pytest.param(40, marks=pytest.mark.chaos)])
def test_migrations_through_a_pooler_take_turns(empty_database: Database, migrations: int) -> None:
    with Pooler(empty_database.dsn, default_pool_size=SERVER_SESSIONS) as pooler:
        catalogd = Catalogd(pooler.dsn)
        with ThreadPoolExecutor(5) as executor:
            results = list(executor.map(lambda _: catalogd("migrate", "--with-stand-in"), range(migrations)))
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * migrations
    assert sorted(result.stdout != "the schema is up to date\n" for result in results)[-2:] == [False, True]
