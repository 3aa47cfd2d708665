"""The server on a bad day: sessions ended, restarts, a full disk, locks held by others. Attempts are not used up."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from threading import Event
from time import monotonic

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.chaos.work import Work, end_sessions
from tests.support.database import Database
from tests.support.roles import RUNTIME, give_rights
from tests.support.server import PrivateServer, private_server
from tests.support.waiting import wait_until, wait_until_blocked

LONG = pytest.mark.chaos

pytestmark = [pytest.mark.timeout(900), pytest.mark.one_server]


@pytest.fixture(scope="module")
def own_server(server: PrivateServer) -> Iterator[PrivateServer]:
    """A server that these tests may stop and configure, of the same version as the shared one."""
    with private_server(server.binaries, {"max_connections": "30"}) as own:
        Database.create(own, "template_shop").migrated()
        yield own


@pytest.fixture
def own(own_server: PrivateServer) -> Iterator[Database]:
    """A database on that server."""
    database = Database.create(own_server, template="template_shop")
    yield database
    database.drop()


@contextmanager
def role_with(database: Database, **settings: str) -> Iterator[str]:
    """A conninfo for the daemon, as a role with the rights of the runtime whose sessions begin with these settings."""
    give_rights(database)
    role = sql.Identifier(f"{database.name}_daemon")
    with database.connect() as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(role, sql.Identifier(RUNTIME)))
        for name, value in settings.items():
            command = sql.SQL("ALTER ROLE {} SET {} = {}")
            admin.execute(command.format(role, sql.Identifier(name), sql.Literal(value)))
        try:
            yield make_conninfo(database.dsn, user=f"{database.name}_daemon")
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


# Sessions end, servers restart


@pytest.mark.parametrize(("instances", "rounds"), [(1, 2), pytest.param(2, 40, marks=LONG)])
def test_sessions_ended_one_after_the_other_and_all_at_once(database: Database, instances: int, rounds: int) -> None:
    with Work(database, instances=instances, products=8_000) as work, database.connect() as admin:
        for process in work.processes:
            process.wait_for("listener.connected")
        for number in range(1, rounds + 1):
            work.insert()
            work.wait_for_progress()
            assert end_sessions(admin, "% listener") == instances
            for process in work.processes:
                process.wait_for("listener.connected", count=2 * number)
            assert end_sessions(admin) >= 2 * instances
            for process in work.processes:
                process.wait_for("listener.connected", count=2 * number + 1)
        work.complete()
        work.assert_unharmed()


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=LONG)])
@pytest.mark.parametrize("immediate", [pytest.param(False, id="fast", marks=LONG), pytest.param(True, id="immediate")])
def test_a_server_that_restarts_under_load_is_found_again(
    own_server: PrivateServer, own: Database, immediate: bool, rounds: int
) -> None:
    delays = []
    with Work(own, instances=2, products=8_000) as work:
        for process in work.processes:
            process.wait_for("listener.connected")
        for number in range(1, rounds + 1):
            work.insert()
            work.wait_for_progress()
            own_server.restart(immediate=immediate)
            delays.append(time_to_progress(work))
            for process in work.processes:
                process.wait_for("listener.connected", count=number + 1)
        work.complete()
        work.assert_unharmed()
    tell_delays("restart", delays)
    assert rounds == 1 or max(delays) <= 3.0


@LONG
@pytest.mark.parametrize("away_s", [1.5, 30.0])
def test_a_server_that_is_away_for_a_while_is_waited_for(
    own_server: PrivateServer, own: Database, away_s: float
) -> None:
    with Work(own, instances=2, products=8_000) as work:
        for process in work.processes:
            process.wait_for("listener.connected")
        work.insert()
        work.wait_for_progress()
        os.kill(own_server.pid, signal.SIGINT)
        for process in work.processes:
            process.wait_for("listener.lost")
            process.wait_for("worker.waiting")
        Event().wait(away_s)
        if away_s > 10:
            assert [process.wait_for("daemon.unready")["what"] for process in work.processes] == ["database"] * 2
        own_server.restart()
        tell_delays(f"{away_s} s away", [time_to_progress(work)])
        work.complete()
        for process in work.processes:
            process.wait_for("listener.connected", count=2)
            wait_until(lambda: len(process.named("daemon.unready")) == len(process.named("daemon.ready")))  # noqa: B023
        work.assert_unharmed()


@LONG
def test_a_server_that_takes_its_time_to_start_is_waited_for(own_server: PrivateServer, own: Database) -> None:
    with Work(own, products=8_000) as work:
        work.insert()
        work.wait_for_progress()
        (own_server.data_directory / "recovery.signal").touch()
        settings = dict(own_server.settings)
        own_server.settings |= {"hot_standby": "off", "restore_command": "sleep 1; false"}
        own_server.restart(immediate=True)  # in recovery, it refuses with 57P03 until nothing is left to restore
        own_server.settings = settings
        refusals = [str(event["error"]) for event in work.events("listener.lost")]
        assert any("starting up" in text or "not accepting connections" in text for text in refusals), refusals
        work.complete()
        work.assert_unharmed()


def time_to_progress(work: Work) -> float:
    began = monotonic()
    work.wait_for_progress()
    return monotonic() - began


def tell_delays(what: str, delays: list[float]) -> None:
    print(  # noqa: T201  # a figure of docs/reliability.md
        f"{what}: first slice committed after it is up again, median {median(delays):.2f} s,"
        f" worst {max(delays):.2f} s of {len(delays)}"
    )


# What the server refuses for a while


@pytest.fixture
def small_disk(own: Database) -> Iterator[Path]:
    """Where the predictions of the database lie: a disk of 8 MB."""
    disk = own.server.directory / "disk"
    disk.mkdir()
    if not is_mounted("mount", "-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs", str(disk)):
        pytest.skip("no file system can be mounted here")
    try:
        (disk / "tablespace").mkdir(mode=0o777)
        with own.connect() as admin:
            place = sql.Literal(str(disk / "tablespace"))
            admin.execute(sql.SQL("CREATE TABLESPACE small_disk LOCATION {}").format(place))
            admin.execute("ALTER TABLE predictions SET TABLESPACE small_disk")
        yield disk
        with own.connect() as admin:
            admin.execute("ALTER TABLE predictions SET TABLESPACE pg_default")
            admin.execute("DROP TABLESPACE small_disk")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def is_mounted(*command: str) -> bool:
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No room is left, until the end of the block."""
    filler = disk / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(8192))
    yield
    filler.unlink()


def test_a_full_disk_pauses_the_work_and_room_on_it_resumes_it(own: Database, small_disk: Path) -> None:
    with Work(own, products=6_000) as work:
        with full(small_disk):
            work.insert()
            paused = work.process.wait_for("workload.paused", sqlstate="53100")
            assert "No space left" in paused["error"]
            work.process.wait_for("workload.paused", count=6)
            assert_delays_grow(work, "workload.paused")
            work.process.wait_for("daemon.unready", what="workload")
        work.complete()
        work.process.wait_for("daemon.ready")
        work.assert_unharmed()


REFUSALS = {
    "disk_full": ("53100", "workload.paused"),
    "serialization_failure": ("40001", "slice.retried"),
}


@pytest.mark.parametrize("condition", REFUSALS)
def test_what_no_product_is_to_blame_for_is_tried_again_ever_later(
    database: Database, db: psycopg.Connection, condition: str
) -> None:
    sqlstate, event = REFUSALS[condition]
    db.execute(
        sql.SQL(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION USING ERRCODE = TG_ARGV[0], MESSAGE = ''refused''; END';"
            "CREATE TRIGGER refuse BEFORE INSERT ON predictions EXECUTE FUNCTION refuse({})"
        ).format(sql.Literal(condition))
    )
    with Work(database, products=1_000) as work:
        work.insert()
        work.process.wait_for(event, count=10, sqlstate=sqlstate)  # two slices, and each has three attempts that count
        assert_delays_grow(work, event)
        assert work.processed() == 0
        db.execute("DROP TRIGGER refuse ON predictions")
        work.complete()
        work.assert_unharmed()


def test_a_right_taken_from_the_runtime_role_pauses_the_work_until_it_is_given_back(
    database: Database, db: psycopg.Connection
) -> None:
    with Work(database, products=12_000) as work:
        work.insert()
        work.wait_for_progress()
        db.execute(f"REVOKE INSERT ON evidence FROM {RUNTIME}")
        work.process.wait_for("workload.paused", count=6, sqlstate="42501")
        assert_delays_grow(work, "workload.paused")
        work.process.wait_for("daemon.unready", what="workload")
        assert work.tried_again() == []
        give_rights(database)
        work.complete()
        work.process.wait_for("daemon.ready")
        assert work.events("slice.halved") == work.events("slice.recovered") == work.events("item.failed") == []
        work.assert_unharmed()


def test_a_server_that_only_reads_is_waited_for(own: Database) -> None:
    with Work(own, products=12_000) as work:
        work.insert()
        work.wait_for_progress()
        with read_only(own):
            work.process.wait_for("worker.waiting", count=6, sqlstate="25006")
            assert_delays_grow(work, "worker.waiting")
            work.process.wait_for("daemon.unready", what="database")
        work.complete()
        work.process.wait_for("daemon.ready")
        work.assert_unharmed()


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    with database.connect() as admin:
        admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        admin.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
            admin.execute("SELECT pg_reload_conf()")


def assert_delays_grow(work: Work, event: str) -> None:
    """After six failures one of two workers has failed three times in a row: it waits for 0.2 s or more, where the
    first delay is 0.1 s at most."""
    delays = [float(str(told["retry_in_s"])) for told in work.events(event)]
    assert len(delays) >= 6
    assert max(delays) >= 0.19


def test_a_server_with_no_connection_to_spare_is_waited_for(own: Database) -> None:
    with Work(own, products=2_000) as work, own.connect() as admin, ExitStack() as hogs:
        work.process.wait_for("listener.connected")

        def is_turned_away() -> bool:
            end_sessions(admin)  # among them one that came in between
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                connect_without_end(own, hogs)
            refused = any("too many clients" in str(event["error"]) for event in work.events("listener.lost"))
            starved = any("couldn't get a connection" in str(event["error"]) for event in work.events("worker.waiting"))
            return refused and starved and len(work.events("daemon.unready")) > len(work.events("daemon.ready"))

        wait_until(is_turned_away, 60)
        losses = work.events("daemon.unready")
        assert {event["what"] for event in losses} == {"database"}
        hogs.close()
        work.process.wait_for("daemon.ready", count=len(losses))
        work.insert()
        work.complete()
        work.assert_unharmed()


def connect_without_end(database: Database, connections: ExitStack) -> None:
    while True:
        connections.enter_context(database.connect())


# Others hold what is needed


def test_rows_held_by_php_for_long_delay_their_slice_and_no_other(database: Database, db: psycopg.Connection) -> None:
    with Work(database, products=3_000) as work, database.connect() as php:
        held = work.product_ids[:500]
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = ANY(%s) FOR UPDATE", (held,))
            work.insert()
            work.process.wait_for("slice.retried", sqlstate="55P03", count=2)
            wait_until(lambda: work.processed() == 2_500)
        work.complete()
        work.assert_unharmed()


@contextmanager
def deadlock(database: Database, products: int) -> Iterator[tuple[psycopg.Connection, Work]]:
    """PHP and a daemon that looks for deadlocks long before PHP does, so that it is known who is ended."""
    with (
        role_with(database, deadlock_timeout="20ms") as dsn,
        database.connect() as php,
        Work(database, products=products, dsn=dsn) as work,
    ):
        php.execute("SET deadlock_timeout = '60s'")
        yield php, work
        work.complete()
        assert {event["sqlstate"] for event in work.events("slice.retried")} <= {"40P01", "55P03"}
        assert work.events("slice.retried")
        work.assert_unharmed()


def test_a_deadlock_with_php_over_products_ends_for_php(database: Database, db: psycopg.Connection) -> None:
    with deadlock(database, products=1_000) as (php, work):
        first, last = work.product_ids[0], work.product_ids[499]
        for _ in range(2):
            with php.transaction():
                php.execute("UPDATE products SET name = name WHERE id = %s", (last,))
                work.insert()
                wait_until_blocked(db, php)  # a slice has locked the first, and waits for the last
                php.execute("UPDATE products SET name = name WHERE id = %s", (first,))
            work.complete()


def test_a_deadlock_with_php_over_the_batch_ends_for_php(database: Database, db: psycopg.Connection) -> None:
    with deadlock(database, products=500) as (php, work), database.connect() as gate, php.transaction():
        with gate.transaction():
            gate.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (work.product_ids[-1],))
            batch_id = work.insert()
            wait_until_blocked(db, gate)
            php.execute("UPDATE categorization_batches SET priority = 1 WHERE id = %s", (batch_id,))
        wait_until_blocked(db, php)  # the slice has locked its products, and waits to count them
        php.execute("UPDATE products SET name = name WHERE id = %s", (work.product_ids[0],))


@pytest.mark.parametrize("isolation", ["serializable", pytest.param("repeatable read", marks=LONG)])
def test_an_isolation_set_for_the_role_does_not_matter(
    database: Database, db: psycopg.Connection, isolation: str
) -> None:
    with (
        role_with(database, default_transaction_isolation=isolation) as dsn,
        database.connect() as php,
        Work(database, products=4_000, dsn=dsn) as work,
    ):
        with php.transaction():
            php.execute("UPDATE products SET name = name || '!' WHERE id = %s", (work.product_ids[0],))
            work.insert()
            wait_until_blocked(db, php)
        work.complete()
        assert work.events("slice.retried") == work.events("worker.waiting") == []
        work.assert_unharmed()


def test_timeouts_set_for_the_role_do_not_matter(database: Database, db: psycopg.Connection) -> None:
    timeouts = {"statement_timeout": "100ms", "lock_timeout": "1ms", "idle_in_transaction_session_timeout": "1ms"}
    if db.info.server_version >= 170_000:
        timeouts["transaction_timeout"] = "100ms"
    with (
        role_with(database, **timeouts) as dsn,
        database.connect() as php,
        Work(database, products=500, dsn=dsn) as work,
    ):
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (work.product_ids[0],))
            work.insert()
            wait_until_blocked(db, php)
            Event().wait(0.3)  # longer than the timeouts
        work.complete()
        assert work.events("slice.retried") == work.events("worker.waiting") == []
        work.assert_unharmed()
