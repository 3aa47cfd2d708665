"""The first run on a shop with predictions, whatever comes between; each test has a copy of the shop."""

import signal
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import assert_settled, shop
from tests.support.partitions import CHECKS, LEFT_OVER, partition, predict, start_partition, told, value
from tests.support.process import Catalogd
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until, wait_until_blocked

pytestmark = pytest.mark.one_server  # its subject is the command

FIRST, PRODUCTS = 1, range(1, 901)  # the batch that was treated


@pytest.fixture(scope="module")
def template(server: PrivateServer, template: str) -> Iterator[str]:
    """A database to be copied: plain tables with the predictions of a batch of all 900 products.

    Made by a superuser: rights given here would keep the roles, which other tests of this server make anew.
    """
    database = Database.create(server, "template_predicted", template)
    with database.connect() as db:
        product_ids = shop(db, products=len(PRODUCTS))
        assert (predict(Catalogd(database.dsn), db, product_ids), product_ids) == ([FIRST], list(PRODUCTS))
    yield database.as_template()
    database.drop()


def test_no_row_is_read_under_the_lock(database: Database, db: psycopg.Connection, catalogd: Catalogd) -> None:
    """Postgres says whether it takes the check's word for a partition's bounds."""
    db.execute(f"ALTER DATABASE {database.name} SET client_min_messages = debug1")
    db.execute(f"ALTER DATABASE {database.name} SET log_min_messages = debug1")
    partition(catalogd)
    log = database.server.log_file.read_text(encoding="utf-8", errors="replace")
    for table in ("predictions_from_0", "evidence_from_0"):
        assert f'partition constraint for table "{table}" is implied by existing constraints' in log


def test_a_second_run_does_nothing(db: psycopg.Connection, catalogd: Catalogd) -> None:
    partition(catalogd)
    xmin = "SELECT array_agg(xmin::text ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    before = value(db, xmin)
    assert told(partition(catalogd)) == ["partition.done"]
    assert value(db, xmin) == before


MOMENTS = {  # the lock at which the command is killed: table, mode of the lock that is in its way
    "before it begins": ("predictions", "SHARE"),
    "between the checks": ("evidence", "SHARE"),
    "while it validates": ("evidence", "SHARE UPDATE EXCLUSIVE"),
    "in the change": ("categorization_batches", "ACCESS SHARE"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_the_middle_and_run_again(
    database: Database, db: psycopg.Connection, catalogd: Catalogd, moment: str
) -> None:
    db.execute("INSERT INTO akeneo_workflow (product_id, prediction_id) SELECT 1, max(id) FROM predictions")
    table, mode = MOMENTS[moment]
    kill_at(database, db, catalogd, table, mode)
    (second,) = predict(catalogd, db, PRODUCTS)  # whatever was left behind
    events = partition(catalogd)
    assert "partition.converted" in told(events)
    assert value(db, LEFT_OVER) == 0
    (third,) = predict(catalogd, db, PRODUCTS)
    for batch_id in (FIRST, second, third):
        assert_settled(db, batch_id, PRODUCTS)
    partition(catalogd)
    assert told(partition(catalogd)) == ["partition.done"]


def kill_at(
    database: Database, db: psycopg.Connection, catalogd: Catalogd, table: str, mode: str, signum: int = signal.SIGKILL
) -> int:
    """End the command where it waits for this lock; return its exit code when the server has seen it go."""
    with database.connect() as blocker, blocker.transaction():
        blocker.execute(f"LOCK TABLE {table} IN {mode} MODE")
        process = start_partition(catalogd)
        wait_until_blocked(db, blocker)
        process.send_signal(signum)
        if signum == signal.SIGKILL:
            process.communicate()
    process.communicate(timeout=30)
    wait_until(lambda: not [s for s in database.sessions() if s[1].startswith("catalogd ")])
    return process.returncode


def test_one_that_is_stopped_takes_its_checks_along(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    """An upper bound that stayed would refuse rows one day, should the command never be run again."""
    with database.connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE categorization_batches IN ACCESS SHARE MODE")
        process = start_partition(catalogd)
        wait_until_blocked(db, blocker)
        assert value(db, CHECKS) == 2
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert value(db, CHECKS) == 0


def test_one_that_waits_for_a_lock_lets_others_go_first(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    with database.connect() as blocker, blocker.transaction():
        blocker.execute("SELECT count(*) FROM predictions")
        process = start_partition(catalogd)
        assert process.stdout is not None
        assert "partition.waiting" in process.stdout.readline()
        db.execute("UPDATE predictions SET status = 'approved' WHERE id = 1")  # between two tries
    output = process.communicate(timeout=30)[0]
    assert (process.returncode, "partition.converted" in output) == (0, True)


def test_two_at_once_do_the_work_once(db: psycopg.Connection, catalogd: Catalogd) -> None:
    processes = [start_partition(catalogd) for _ in range(3)]
    outputs = [process.communicate(timeout=50)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert sum("partition.converted" in output for output in outputs) == 1
