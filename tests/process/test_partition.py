"""`catalogd partition`: plain tables become partitioned ones, partitions come and go, and nobody notices."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from daemon.database.schema import migrations_directory, record
from daemon.database.statements import statement
from daemon.workloads.categorization.partitioning.partition import Partition, read_partitions
from daemon.workloads.categorization.people.decisions import AGAINST, signals
from daemon.workloads.categorization.store import read_labelled, read_products
from tests.migrations.catalogue import PHP_TABLES
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.load import progress
from tests.support.process import Catalogd
from tests.support.roles import OWNER, PHP, RUNTIME, Shop, shop_with_roles
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until, wait_until_blocked

ROWS = "1000"  # ids of a partition
CHECKS = "SELECT count(*) FROM pg_constraint WHERE conname = 'catalogd_bound'"
LEFT_OVER = f"{CHECKS} OR conparentid = 0 AND NOT convalidated"  # what no run that ended leaves behind
HIGHEST = "SELECT max(id) FROM {}"
SUM = "SELECT md5(string_agg(row::text, ',' ORDER BY id)) FROM {} AS row"
YEAR = "365"


def partition(catalogd: Catalogd, **environment: str) -> list[dict[str, Any]]:
    """Run the command to its end; the events it told."""
    result = catalogd("partition", **{"CATALOGD_PARTITION_ROWS": ROWS} | environment)
    assert result.returncode == 0, result.stderr + result.stdout
    return [json.loads(line) for line in result.stdout.splitlines()]


def told(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def predict(catalogd: Catalogd, db: psycopg.Connection, product_ids: list[int], times: int = 1) -> list[int]:
    """Real decisions on these products, a batch each time; the batches' ids."""
    batch_ids = [batch(db, product_ids) for _ in range(times)]
    result = catalogd("run", "--once")
    assert result.returncode == 0, result.stdout
    return batch_ids


def bounds(db: psycopg.Connection) -> list[tuple[int | None, int | None]]:
    return [(p.lower, p.upper) for p in read_partitions(db)]


def counts(db: psycopg.Connection) -> list[tuple[int, int]]:
    """Rows of each pair of partitions."""
    found = []
    for pair in read_partitions(db):
        row = db.execute(f"SELECT (SELECT count(*) FROM {pair.tables[0]}), (SELECT count(*) FROM {pair.tables[1]})")  # noqa: S608
        found.append(row.fetchone())
    return found  # type: ignore[return-value]


def age(db: psycopg.Connection, below: int, days: int = 400) -> None:
    """As if the predictions with lower ids had been made so long ago."""
    db.execute(
        "UPDATE predictions SET created_at = created_at - make_interval(days => %s) WHERE id < %s", (days, below)
    )


def value(db: psycopg.Connection, query: str, *parameters: object) -> Any:
    row = db.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def test_the_first_run_keeps_every_row_where_it_is(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=900, labelled=40)
    assert catalogd("learn").returncode == 0
    predict(catalogd, db, product_ids)
    files = "SELECT array_agg(pg_relation_filenode(name::regclass) ORDER BY name) FROM unnest(%s::text[]) AS name"
    before = value(db, files, ["predictions", "evidence"])
    rows = [value(db, SUM.format(table)) for table in ("predictions", "evidence")]
    events = partition(catalogd)
    assert told(events) == ["partition.converted", "partition.done"]
    assert bounds(db) == [(None, 2000), (2000, 3000), (3000, None)]
    assert value(db, files, ["predictions_from_0", "evidence_from_0"]) == before
    assert rows == [value(db, SUM.format(table)) for table in ("predictions", "evidence")]
    assert value(db, LEFT_OVER) == 0
    for table in ("predictions", "evidence"):  # a slice whose ids are taken is tried again, until they are not
        sequence = value(db, "SELECT pg_get_serial_sequence(%s, 'id')", table)
        assert value(db, "SELECT nextval(%s::regclass)", sequence) == value(db, HIGHEST.format(table)) + 1
    (again,) = predict(catalogd, db, product_ids)
    assert_settled(db, again, product_ids)
    assert value(db, "SELECT count(*) FROM predictions WHERE status = 'pending'") == len(product_ids)


@pytest.mark.one_server
def test_no_row_is_read_under_the_lock(database: Database, db: psycopg.Connection, catalogd: Catalogd) -> None:
    """Postgres says whether it takes the check's word for a partition's bounds."""
    product_ids = shop(db, products=20)
    predict(catalogd, db, product_ids)
    db.execute(f"ALTER DATABASE {database.name} SET client_min_messages = debug1")
    db.execute(f"ALTER DATABASE {database.name} SET log_min_messages = debug1")
    partition(catalogd)
    log = database.server.log_file.read_text(encoding="utf-8", errors="replace")
    for table in ("predictions_from_0", "evidence_from_0"):
        assert f'partition constraint for table "{table}" is implied by existing constraints' in log


@pytest.mark.one_server
def test_a_second_run_does_nothing(db: psycopg.Connection, catalogd: Catalogd) -> None:
    predict(catalogd, db, shop(db, products=50))
    partition(catalogd)
    xmin = "SELECT array_agg(xmin::text ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    before = value(db, xmin)
    assert told(partition(catalogd)) == ["partition.done"]
    assert value(db, xmin) == before


def test_partitions_are_made_ahead_and_their_pending_ones_indexed(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=900)
    partition(catalogd)
    predict(catalogd, db, product_ids, times=3)
    events = partition(catalogd)
    assert [e["partition"] for e in events if e["event"] == "partition.created"] == [
        "predictions_from_3000",
        "predictions_from_4000",
    ]
    assert [e["partition"] for e in events if e["event"] == "partition.indexed"] == ["predictions_from_0"]
    assert bounds(db)[-1] == (5000, None)
    assert counts(db)[0][0] == 1999
    assert counts(db)[-1] == (0, 0)
    plan = "\n".join(
        line
        for (line,) in db.execute(
            "EXPLAIN SELECT FROM predictions WHERE product_id = 1 AND (status = 'pending') IS TRUE"
        )
    )
    assert "predictions_from_0_waiting" in plan


@pytest.mark.one_server
def test_inserts_find_their_place_when_nobody_ran_it_for_long(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=1800)
    partition(catalogd)
    first, second = predict(catalogd, db, product_ids, times=2)
    referring = value(
        db, "INSERT INTO akeneo_workflow (product_id, prediction_id) SELECT 1, max(id) FROM predictions RETURNING id"
    )
    assert counts(db)[-1][0] == 601  # beyond the last range
    events = partition(catalogd)
    assert [(e["lower"], e["upper"]) for e in events if e["event"] == "partition.created"] == [
        (3000, 5000),
        (5000, 6000),
    ]
    assert bounds(db) == [(None, 2000), (2000, 3000), (3000, 5000), (5000, 6000), (6000, None)]
    assert counts(db)[2][0] == 601
    for batch_id in (first, second):
        assert_settled(db, batch_id, product_ids)
    assert value(db, "SELECT prediction_id FROM akeneo_workflow WHERE id = %s", referring) == 3600
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        db.execute("UPDATE akeneo_workflow SET prediction_id = 99999")
    _, fourth = predict(catalogd, db, product_ids, times=2)
    assert_settled(db, fourth, product_ids)
    assert told(partition(catalogd))[-1] == "partition.done"


@pytest.mark.one_server
def test_while_a_daemon_treats_a_batch(db: psycopg.Connection, catalogd: Catalogd) -> None:
    """The conversion, and then partitions made and detached, between the slices of a batch under way."""
    product_ids = shop(db, products=20_000)
    db.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$"
    )
    db.execute("CREATE TRIGGER dawdle AFTER UPDATE ON products EXECUTE FUNCTION dawdle()")
    process = catalogd.start()
    batch_ids = [batch(db, product_ids), *(batch(db, product_ids[n : n + 3]) for n in range(0, 300, 3))]
    wait_until(lambda: progress(db, batch_ids[0]) > 0)
    partition(catalogd)
    assert read_batch(db, batch_ids[0])["status"] == "processing"
    while read_batch(db, batch_ids[0])["status"] == "processing":
        partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    process.wait_for("batch.completed", count=len(batch_ids))
    for number, batch_id in enumerate(batch_ids):
        assert_settled(db, batch_id, product_ids if not number else product_ids[3 * number - 3 : 3 * number])
    assert len({p for (p,) in db.execute("SELECT tableoid FROM predictions")}) > 3
    assert process.named("item.failed") == process.named("thread.crashed") == []
    assert process.stop() == 0


MOMENTS = {  # the lock at which the command is killed: table, mode of the lock that is in its way
    "before it begins": ("predictions", "SHARE"),
    "between the checks": ("evidence", "SHARE"),
    "while it validates": ("evidence", "SHARE UPDATE EXCLUSIVE"),
    "in the change": ("categorization_batches", "ACCESS SHARE"),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.one_server
def test_killed_in_the_middle_and_run_again(
    database: Database, db: psycopg.Connection, catalogd: Catalogd, moment: str
) -> None:
    product_ids = shop(db, products=900)
    (first,) = predict(catalogd, db, product_ids)
    db.execute("INSERT INTO akeneo_workflow (product_id, prediction_id) SELECT 1, max(id) FROM predictions")
    table, mode = MOMENTS[moment]
    kill_at(database, db, catalogd, table, mode)
    (second,) = predict(catalogd, db, product_ids)  # whatever was left behind
    events = partition(catalogd)
    assert "partition.converted" in told(events)
    assert value(db, LEFT_OVER) == 0
    (third,) = predict(catalogd, db, product_ids)
    for batch_id in (first, second, third):
        assert_settled(db, batch_id, product_ids)
    partition(catalogd)
    assert told(partition(catalogd)) == ["partition.done"]


@pytest.mark.one_server
def test_what_a_killed_run_left_to_be_validated_is(db: psycopg.Connection, catalogd: Catalogd) -> None:
    partition(catalogd)
    db.execute("ALTER TABLE akeneo_workflow DROP CONSTRAINT akeneo_workflow_prediction_id_fkey")
    db.execute(
        "ALTER TABLE akeneo_workflow ADD CONSTRAINT akeneo_workflow_prediction_id_fkey"
        " FOREIGN KEY (prediction_id) REFERENCES predictions (id) ON DELETE SET NULL NOT VALID"
    )
    assert told(partition(catalogd)) == ["partition.done"]
    assert value(db, LEFT_OVER) == 0


def start_partition(catalogd: Catalogd, **environment: str) -> subprocess.Popen[str]:
    return catalogd.popen("partition", stderr=subprocess.STDOUT, CATALOGD_PARTITION_ROWS=ROWS, **environment)


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


@pytest.mark.one_server
def test_one_that_is_stopped_takes_its_checks_along(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    """An upper bound that stayed would refuse rows one day, should the command never be run again."""
    predict(catalogd, db, shop(db, products=50))
    with database.connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE categorization_batches IN ACCESS SHARE MODE")
        process = start_partition(catalogd)
        wait_until_blocked(db, blocker)
        assert value(db, CHECKS) == 2
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert value(db, CHECKS) == 0


@pytest.mark.one_server
def test_one_that_waits_for_a_lock_lets_others_go_first(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    predict(catalogd, db, shop(db, products=50))
    with database.connect() as blocker, blocker.transaction():
        blocker.execute("SELECT count(*) FROM predictions")
        process = start_partition(catalogd)
        assert process.stdout is not None
        assert "partition.waiting" in process.stdout.readline()
        db.execute("UPDATE predictions SET status = 'approved' WHERE id = 1")  # between two tries
    output = process.communicate(timeout=30)[0]
    assert (process.returncode, "partition.converted" in output) == (0, True)


@pytest.mark.one_server
def test_two_at_once_do_the_work_once(db: psycopg.Connection, catalogd: Catalogd) -> None:
    predict(catalogd, db, shop(db, products=50))
    processes = [start_partition(catalogd) for _ in range(3)]
    outputs = [process.communicate(timeout=50)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert sum("partition.converted" in output for output in outputs) == 1


@pytest.fixture
def aged(db: psycopg.Connection, catalogd: Catalogd) -> list[int]:
    """Four batches of 900 products in partitions of 1,000; the predictions below 3,000 are old. The batches' ids."""
    product_ids = shop(db, products=900, labelled=900)
    partition(catalogd)
    batch_ids = [batch_id for _ in range(4) for batch_id in predict(catalogd, db, product_ids)]
    partition(catalogd)
    age(db, below=3000)
    return batch_ids


def test_evidence_goes_with_its_prediction_in_every_partition(
    db: psycopg.Connection, catalogd: Catalogd, aged: list[int]
) -> None:
    for pair in read_partitions(db):
        lost = 10**9 if pair.upper is None else pair.upper - 1
        db.execute("DELETE FROM predictions WHERE id = %s", (lost,))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            db.execute("INSERT INTO evidence (prediction_id) VALUES (%s)", (lost,))
    db.execute("DELETE FROM categorization_batches WHERE id = ANY(%s)", (aged,))
    assert counts(db) == [(0, 0)] * len(bounds(db))


@pytest.mark.one_server
def test_without_a_retention_everything_is_kept(db: psycopg.Connection, catalogd: Catalogd, aged: list[int]) -> None:
    partition(catalogd)
    assert bounds(db)[0] == (None, 2000)
    assert value(db, "SELECT count(*) FROM predictions") == 3600


@pytest.mark.one_server
def test_retention_detaches_exactly_the_old_ones(db: psycopg.Connection, catalogd: Catalogd, aged: list[int]) -> None:
    assert told(partition(catalogd, CATALOGD_RETENTION_DAYS="401")) == ["partition.done"]
    gone = value(db, "INSERT INTO akeneo_workflow (product_id, prediction_id) VALUES (1, 5) RETURNING id")
    kept = value(db, "INSERT INTO akeneo_workflow (product_id, prediction_id) VALUES (1, 3500) RETURNING id")
    events = partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    assert [e["tables"] for e in events if e["event"] == "partition.detached"] == [
        ["predictions_from_0", "evidence_from_0"],
        ["predictions_from_2000", "evidence_from_2000"],
    ]
    assert bounds(db)[0] == (3000, 5000)
    assert value(db, "SELECT count(*) FROM predictions") == 601
    assert (
        value(
            db,
            "SELECT count(*) FROM evidence AS e WHERE NOT EXISTS (SELECT FROM predictions WHERE id = e.prediction_id)",
        )
        == 0
    )
    assert value(db, "SELECT prediction_id FROM akeneo_workflow WHERE id = %s", gone) is None
    assert value(db, "SELECT prediction_id FROM akeneo_workflow WHERE id = %s", kept) == 3500
    # What was detached is whole, and nothing of the shop's depends on it any more.
    assert value(db, "SELECT count(*) FROM predictions_from_0") == 1999
    assert value(db, "SELECT count(DISTINCT prediction_id) FROM evidence_from_0") == 1999
    of_one = "SELECT count(*) FROM predictions_from_0 WHERE product_id = 1"
    before = value(db, of_one)
    db.execute("DELETE FROM products WHERE id = 1")
    assert value(db, of_one) == before > 0
    db.execute("DROP TABLE evidence_from_0, predictions_from_0")
    assert told(partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)) == ["partition.done"]


@pytest.mark.one_server
def test_a_batch_that_lost_answers_is_not_predicted_again(
    db: psycopg.Connection, catalogd: Catalogd, aged: list[int]
) -> None:
    partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    entries = "SELECT entity_id FROM audit_log WHERE action = 'detached' ORDER BY entity_id"
    assert [row[0] for row in db.execute(entries)] == aged
    before = read_batch(db, aged[0])
    db.execute(
        "UPDATE categorization_batches SET status = 'pending', retry_count = retry_count + 1 WHERE id = %s", (aged[0],)
    )
    assert catalogd("run", "--once").returncode == 0
    after = read_batch(db, aged[0])
    assert after["status"] == "failed"
    assert "insert a new batch" in after["error_message"]
    assert after["success_products"] == before["success_products"] == 900
    assert value(db, "SELECT count(*) FROM predictions WHERE batch_id = %s", aged[0]) == 0
    assert catalogd("retry", str(aged[1])).returncode == 2


@pytest.mark.one_server
def test_a_batch_under_way_holds_its_partition_back(
    db: psycopg.Connection, catalogd: Catalogd, aged: list[int]
) -> None:
    db.execute("UPDATE categorization_batches SET status = 'processing' WHERE id = %s", (aged[3],))
    events = partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    (held,) = [e for e in events if e["event"] == "partition.held_back"]
    assert held["partition"] == "predictions_from_2000"
    assert str(aged[3]) in held["reason"]
    assert bounds(db)[0] == (2000, 3000)
    assert catalogd("run", "--once").returncode == 0  # an orphan is planned anew: what is done is found
    assert read_batch(db, aged[3])["success_products"] == 900
    assert value(db, "SELECT count(*) FROM predictions WHERE batch_id = %s", aged[3]) == 900


@pytest.mark.one_server
def test_one_set_back_meanwhile_holds_it_back_too(
    database: Database, db: psycopg.Connection, catalogd: Catalogd, aged: list[int]
) -> None:
    """Between the look at the batches and the lock."""
    with database.connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE evidence IN ACCESS SHARE MODE")
        process = start_partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
        wait_until_blocked(db, blocker)
        db.execute("UPDATE categorization_batches SET status = 'pending' WHERE id = %s", (aged[0],))
    output = process.communicate(timeout=50)[0]
    assert "set back just now" in output
    assert bounds(db)[0] == (None, 2000)


@pytest.mark.one_server
def test_what_people_decided_outlives_the_predictions(
    db: psycopg.Connection, catalogd: Catalogd, aged: list[int]
) -> None:
    """It is still learned from, counts in the precision as lived, and speaks when the product is predicted again."""
    db.execute("UPDATE products SET category_code = NULL WHERE id IN (7, 8, 9)")
    first = (aged[0],)
    db.execute("UPDATE predictions SET status = 'approved' WHERE product_id = 7 AND batch_id = %s", first)
    db.execute("UPDATE predictions SET status = 'rejected' WHERE product_id = 8 AND batch_id = %s", first)
    db.execute(
        "INSERT INTO human_recommendations (prediction_id, category_code)"
        " SELECT id, 'hammers' FROM predictions WHERE product_id = 9 AND batch_id = %s",
        first,
    )
    lived = db.execute("SELECT * FROM lived_decisions ORDER BY prediction_id").fetchall()
    assert len(lived) == 3
    events = partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    assert told(events).count("partition.detached") == 2
    labelled = {product.id: code for product, code in read_labelled(db) if product.id in (7, 8, 9)}
    predicted = value(db, "SELECT suggested_category_code FROM predictions_from_0 WHERE product_id = 7")
    assert labelled == {7: predicted, 9: "hammers"}
    assert db.execute("SELECT * FROM lived_decisions ORDER BY prediction_id").fetchall() == lived
    assert value(db, "SELECT prediction_id FROM human_recommendations") is None
    asked = list(read_products(db, [8]).values())
    assert [(signal.row, signal.amount) for signal in signals(db, asked)] == [(0, AGAINST)]


@pytest.mark.one_server
def test_decisions_are_written_down_in_every_partition(
    db: psycopg.Connection, catalogd: Catalogd, aged: list[int]
) -> None:
    """Those that were there, the one made ahead, and the open one; and again when somebody took the trigger away."""
    partition(catalogd)
    predict(catalogd, db, list(range(1, 901)), times=3)
    assert counts(db)[-1][0] > 0
    written = "SELECT count(*) FROM human_decisions"
    for nth, pair in enumerate(read_partitions(db), 1):
        db.execute(
            "UPDATE predictions SET status = 'rejected' WHERE id = (SELECT max(id) FROM predictions WHERE id < %s)",
            (pair.upper or 2**62,),
        )
        assert value(db, written) == nth, pair
    partition(catalogd)
    db.execute("UPDATE predictions SET status = 'approved'")
    assert value(db, written) == value(db, "SELECT count(*) FROM predictions")
    db.execute("DROP TRIGGER catalogd_prediction_decided ON predictions")
    assert catalogd("run", "--once").returncode == 78
    assert catalogd("migrate").returncode == 0
    db.execute("UPDATE predictions SET status = 'pending' WHERE id IN (1, 3500)")
    assert value(db, written) == value(db, "SELECT count(*) - 2 FROM predictions")


@pytest.mark.one_server
def test_partitioned_tables_of_an_older_version_are_migrated(
    db: psycopg.Connection, catalogd: Catalogd, aged: list[int]
) -> None:
    names = ["0014-collect-decisions", "0013-adopt-recommendations"]
    for name in names:
        db.execute((migrations_directory() / f"{name}.rollback.sql").read_bytes())
    record(db)
    db.execute("DELETE FROM _yoyo_migration WHERE migration_id = ANY(%s)", (names,))
    db.execute("UPDATE catalogd_schema SET checksums = checksums - %s::text[]", (names,))
    db.execute("UPDATE predictions SET status = 'approved' WHERE id IN (1, 3500)")
    result = catalogd("migrate")
    assert result.returncode == 0, result.stderr
    assert "0003" not in result.stdout
    db.execute("UPDATE predictions SET status = 'rejected' WHERE id IN (2, 2500)")
    written = db.execute("SELECT prediction_id, verdict FROM human_decisions ORDER BY prediction_id").fetchall()
    assert written == [(1, "approved"), (2, "rejected"), (2500, "rejected"), (3500, "approved")]
    referring = value(db, "INSERT INTO human_recommendations (prediction_id) VALUES (2500) RETURNING id")
    assert told(partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)).count("partition.detached") == 2
    assert value(db, "SELECT prediction_id FROM human_recommendations WHERE id = %s", referring) is None


@pytest.mark.one_server
def test_explain_says_where_a_prediction_has_gone(db: psycopg.Connection, catalogd: Catalogd, aged: list[int]) -> None:
    partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    result = catalogd("explain", "5")
    assert (result.returncode, result.stdout) == (2, "")
    assert "was detached" in result.stderr
    assert "there is no prediction 999999" in catalogd("explain", "999999").stderr
    assert catalogd("explain", "3500").returncode == 0


PHPS = [
    "SELECT * FROM predictions WHERE batch_id = {batch} ORDER BY id",
    "SELECT * FROM predictions WHERE product_id = 3 AND status = 'pending'",
    "SELECT status, count(*) FROM predictions WHERE batch_id = {batch} GROUP BY status",
    "SELECT p.id, e.* FROM predictions p JOIN evidence e ON e.prediction_id = p.id WHERE p.batch_id = {batch}",
    "SELECT p.*, b.status FROM predictions p JOIN categorization_batches b ON b.id = p.batch_id WHERE p.product_id = 3",
    "SELECT e.* FROM evidence e WHERE e.prediction_id = {prediction} ORDER BY weight DESC",
    "UPDATE predictions SET status = 'approved', updated_at = now() WHERE id = {prediction} RETURNING id, status",
    "UPDATE predictions SET status = 'rejected' WHERE batch_id = {batch} AND confidence_level = 'low' RETURNING id",
    "SELECT w.id, p.status FROM predictions p LEFT JOIN akeneo_workflow w ON w.prediction_id = p.id"
    " WHERE p.id = {prediction}",
    "DELETE FROM categorization_batches WHERE id = {batch}",
    "SELECT count(*) FROM predictions WHERE batch_id = {batch}",
]


def test_phps_statements_are_answered_alike(
    server: PrivateServer, database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    """Each of them on plain tables, and on partitioned ones that hold the same rows."""
    product_ids = shop(db, products=400)
    predict(catalogd, db, product_ids, times=6)
    chosen = value(db, "SELECT min(id) + 1990 FROM predictions")
    ids = {"batch": value(db, "SELECT batch_id FROM predictions WHERE id = %s", chosen), "prediction": chosen}
    answers = []
    for is_partitioned in (False, True):
        if is_partitioned:
            partition(catalogd)
        with db.transaction(force_rollback=True):
            found = [db.execute(query.format(**ids)) for query in PHPS]  # type: ignore[arg-type]
            answers.append([sorted(map(str, c.fetchall())) if c.description else c.rowcount for c in found])
    assert all(answers[0])
    assert [a for a, query in zip(answers[0], PHPS, strict=True) if "updated_at" not in query] == [
        a for a, query in zip(answers[1], PHPS, strict=True) if "updated_at" not in query
    ]


@pytest.fixture
def roles(server: PrivateServer) -> Iterator[Shop]:
    with shop_with_roles(server) as place:
        yield place


def test_each_role_keeps_its_rights_and_gets_no_others(roles: Shop) -> None:
    """The owner partitions without owning the shop's tables, while the daemon works."""

    def rights(db: psycopg.Connection) -> list[tuple[Any, ...]]:
        return db.execute(
            "SELECT table_name, grantee, column_name, privilege_type FROM information_schema.column_privileges"
            " WHERE table_name IN ('predictions', 'evidence') AND grantee LIKE 'catalogd%' ORDER BY 1, 2, 3, 4"
        ).fetchall()

    catalogd = roles.catalogd(RUNTIME)
    roles.run(RUNTIME, "learn")
    with roles.database.connect() as db, roles.connect(PHP) as php:
        before = rights(db)
        process = catalogd.start()
        stop = threading.Event()
        batch_ids: list[int] = []

        def order() -> None:
            with roles.connect(PHP) as conn:
                while not stop.is_set():
                    batch_ids.append(batch(conn, range(1, 61)))
                    stop.wait(0.02)

        orders = threading.Thread(target=order)
        orders.start()
        try:
            wait_until(lambda: value(db, "SELECT count(*) FROM predictions") > 500)
            partition(roles.catalogd(OWNER))
            wait_until(lambda: value(db, "SELECT max(id) FROM predictions") > 3200, timeout_s=60)
            partition(roles.catalogd(OWNER))
        finally:
            stop.set()
            orders.join()
        process.wait_for("batch.completed", count=len(batch_ids), timeout_s=60)
        assert process.stop() == 0
        for batch_id in batch_ids:
            assert_settled(db, batch_id, range(1, 61))
        assert rights(db) == before
        assert value(php, "SELECT count(*) FROM predictions") == 60 * len(batch_ids)
        for table in (name for pair in read_partitions(db) for name in pair.tables):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                php.execute(f"TABLE {table}")  # type: ignore[call-overload]
        owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE tablename ~ '^(predictions|evidence)'"
        assert db.execute(owners).fetchall() == [(OWNER,)]
        roles.grant("shop_admin")
        assert rights(db) == before
    catalogd.close()


def test_the_runtime_role_may_not(roles: Shop) -> None:
    result = roles.catalogd(RUNTIME)("partition")
    assert result.returncode == 1
    assert "may not do that" in result.stderr


def test_tables_that_php_made(empty_database: Database) -> None:
    """Serial ids, other names of keys and indexes, timestamps without time zone."""
    catalogd = Catalogd(empty_database.dsn)
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        assert catalogd("migrate").returncode == 0
        db.execute("SELECT setval('predictions_id_seq', 1500)")
        partition(catalogd)
        assert bounds(db) == [(None, 3000), (3000, 4000), (4000, None)]
        assert value(db, "SELECT pg_get_serial_sequence('predictions', 'id')") == "public.predictions_id_seq"
        assert catalogd("run", "--once").returncode == 0
        assert value(db, "SELECT max(id) FROM predictions") == 1501
        assert value(db, "SELECT count(*) FROM evidence WHERE prediction_id = 1501") > 0
        db.execute("UPDATE predictions SET created_at = created_at - interval '400 days'")
        db.execute("SELECT setval('predictions_id_seq', 3500)")
        db.execute("UPDATE products SET category_code = 'hammers' WHERE category_code IS NULL")
        assert told(partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)).count("partition.detached") == 1


@pytest.mark.one_server
def test_migrate_goes_on_working(db: psycopg.Connection, catalogd: Catalogd) -> None:
    partition(catalogd)
    assert catalogd("migrate").stdout == "the schema is up to date\n"
    db.execute("ALTER TABLE categorization_batches DROP COLUMN priority")
    assert catalogd("run", "--once").returncode == 78
    result = catalogd("migrate")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "repaired what was changed: column categorization_batches.priority smallint\n"
    predict(catalogd, db, shop(db, products=5))
    db.execute("ALTER TABLE predictions DROP COLUMN model_version")
    result = catalogd("migrate")
    assert result.returncode == 78
    assert "column predictions.model_version" in result.stderr


@pytest.mark.parametrize(
    ("obstacle", "named"),
    [
        ("CREATE VIEW open_ones AS SELECT * FROM predictions WHERE status = 'pending'", "view open_ones"),
        ("ALTER TABLE evidence ENABLE ROW LEVEL SECURITY", "row level security"),
        ("ALTER TABLE evidence ADD CONSTRAINT odd CHECK (id > 0) NOT VALID", "constraint odd"),
        ("CREATE PUBLICATION answers FOR TABLE predictions", "publication answers"),
    ],
)
@pytest.mark.one_server
def test_what_would_be_left_behind_is_named(
    db: psycopg.Connection, catalogd: Catalogd, obstacle: str, named: str
) -> None:
    db.execute(obstacle.encode())
    result = catalogd("partition")
    assert result.returncode == 78
    assert named in result.stderr
    assert value(db, "SELECT relkind::text FROM pg_class WHERE relname = 'predictions'") == "r"


HOT = {
    "supersede": {"product_ids": list(range(1, 500))},
    "read_predicted": {"batch_ids": [7] * 499, "product_ids": list(range(1, 500))},
    "explain_evidence": {"prediction_id": 7},
}


@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_has_its_index_in_every_partition(
    database: Database, db: psycopg.Connection, catalogd: Catalogd, aged: list[int], name: str
) -> None:
    """In a session of the daemon's, with the plan that it keeps."""
    with database.session.connect() as conn:
        conn.execute("DISCARD PLANS")
        conn.prepare_threshold = 0
        query = b"EXPLAIN (COSTS OFF) " + statement("daemon.workloads.categorization", name)
        plan = [line for (line,) in conn.execute(query, HOT[name])]
    assert not [line for line in plan if "Seq Scan" in line], plan
    scans = [line for line in plan if "Index Scan" in line or "Index Only Scan" in line]
    wanted = {"supersede": ("_waiting", "product_id_idx"), "read_predicted": ("batch_id_product_id",)}.get(name, ("",))
    assert all(any(part in line for part in wanted) for line in scans), plan
    if name != "explain_evidence":  # that one knows its partition
        assert len(scans) >= len(bounds(db))


def test_a_database_that_was_not_migrated_is_refused(empty_database: Database) -> None:
    result = Catalogd(empty_database.dsn)("partition")
    assert result.returncode == 78
    assert "run: catalogd migrate" in result.stderr


def test_names_tell_the_bounds() -> None:
    assert Partition.between(None, 2000).tables == ("predictions_from_0", "evidence_from_0")
    assert Partition.between(3000, None).tables == ("predictions_rest", "evidence_rest")
