"""Predictions that have grown old, in partitions of their own; each test has a copy of a shop that has them."""

from collections.abc import Iterator

import psycopg
import pytest

from daemon.database.schema import migrations_directory, record
from daemon.database.statements import statement
from daemon.workloads.categorization.partitioning.partition import read_partitions
from daemon.workloads.categorization.people.decisions import AGAINST, signals
from daemon.workloads.categorization.store import read_labelled, read_products
from tests.support.database import Database
from tests.support.factories import read_batch, shop
from tests.support.partitions import YEAR, bounds, counts, partition, predict, start_partition, told, value
from tests.support.process import Catalogd
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until_blocked

BATCHES = [1, 2, 3, 4]


@pytest.fixture(scope="module")
def template(server: PrivateServer, template: str) -> Iterator[str]:
    """A database to be copied: four batches of 900 products, in partitions of 1,000; those below 3,000 are old.

    Made by a superuser: rights given here would keep the roles, which other tests of this server make anew.
    """
    database = Database.create(server, "template_aged", template)
    catalogd = Catalogd(database.dsn)
    with database.connect() as db:
        product_ids = shop(db, products=900, labelled=900)
        partition(catalogd)
        assert [batch_id for _ in BATCHES for batch_id in predict(catalogd, db, product_ids)] == BATCHES
        partition(catalogd)
        age(db, below=3000)
    yield database.as_template()
    database.drop()


def age(db: psycopg.Connection, below: int, days: int = 400) -> None:
    """As if the predictions with lower ids had been made so long ago."""
    db.execute(
        "UPDATE predictions SET created_at = created_at - make_interval(days => %s) WHERE id < %s", (days, below)
    )


def test_evidence_goes_with_its_prediction_in_every_partition(db: psycopg.Connection) -> None:
    for pair in read_partitions(db):
        lost = 10**9 if pair.upper is None else pair.upper - 1
        db.execute("DELETE FROM predictions WHERE id = %s", (lost,))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            db.execute("INSERT INTO evidence (prediction_id) VALUES (%s)", (lost,))
    db.execute("DELETE FROM categorization_batches WHERE id = ANY(%s)", (BATCHES,))
    assert counts(db) == [(0, 0)] * len(bounds(db))


@pytest.mark.one_server
def test_without_a_retention_everything_is_kept(db: psycopg.Connection, catalogd: Catalogd) -> None:
    partition(catalogd)
    assert bounds(db)[0] == (None, 2000)
    assert value(db, "SELECT count(*) FROM predictions") == 3600


@pytest.mark.one_server
def test_retention_detaches_exactly_the_old_ones(db: psycopg.Connection, catalogd: Catalogd) -> None:
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
def test_a_batch_that_lost_answers_is_not_predicted_again(db: psycopg.Connection, catalogd: Catalogd) -> None:
    partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    entries = "SELECT entity_id FROM audit_log WHERE action = 'detached' ORDER BY entity_id"
    assert [row[0] for row in db.execute(entries)] == BATCHES
    before = read_batch(db, BATCHES[0])
    db.execute(
        "UPDATE categorization_batches SET status = 'pending', retry_count = retry_count + 1 WHERE id = %s",
        (BATCHES[0],),
    )
    assert catalogd("run", "--once").returncode == 0
    after = read_batch(db, BATCHES[0])
    assert after["status"] == "failed"
    assert "insert a new batch" in after["error_message"]
    assert after["success_products"] == before["success_products"] == 900
    assert value(db, "SELECT count(*) FROM predictions WHERE batch_id = %s", BATCHES[0]) == 0
    assert catalogd("retry", str(BATCHES[1])).returncode == 2


@pytest.mark.one_server
def test_a_batch_under_way_holds_its_partition_back(db: psycopg.Connection, catalogd: Catalogd) -> None:
    db.execute("UPDATE categorization_batches SET status = 'processing' WHERE id = %s", (BATCHES[3],))
    events = partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    (held,) = [e for e in events if e["event"] == "partition.held_back"]
    assert held["partition"] == "predictions_from_2000"
    assert str(BATCHES[3]) in held["reason"]
    assert bounds(db)[0] == (2000, 3000)
    assert catalogd("run", "--once").returncode == 0  # an orphan is planned anew: what is done is found
    assert read_batch(db, BATCHES[3])["success_products"] == 900
    assert value(db, "SELECT count(*) FROM predictions WHERE batch_id = %s", BATCHES[3]) == 900


@pytest.mark.one_server
def test_one_set_back_meanwhile_holds_it_back_too(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    """Between the look at the batches and the lock."""
    with database.connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE evidence IN ACCESS SHARE MODE")
        process = start_partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
        wait_until_blocked(db, blocker)
        db.execute("UPDATE categorization_batches SET status = 'pending' WHERE id = %s", (BATCHES[0],))
    output = process.communicate(timeout=50)[0]
    assert "set back just now" in output
    assert bounds(db)[0] == (None, 2000)


@pytest.mark.one_server
def test_what_people_decided_outlives_the_predictions(db: psycopg.Connection, catalogd: Catalogd) -> None:
    """It is still learned from, counts in the precision as lived, and speaks when the product is predicted again."""
    db.execute("UPDATE products SET category_code = NULL WHERE id IN (7, 8, 9)")
    first = (BATCHES[0],)
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
def test_decisions_are_written_down_in_every_partition(db: psycopg.Connection, catalogd: Catalogd) -> None:
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
def test_partitioned_tables_of_an_older_version_are_migrated(db: psycopg.Connection, catalogd: Catalogd) -> None:
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
def test_explain_says_where_a_prediction_has_gone(db: psycopg.Connection, catalogd: Catalogd) -> None:
    partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    result = catalogd("explain", "5")
    assert (result.returncode, result.stdout) == (2, "")
    assert "was detached" in result.stderr
    assert "there is no prediction 999999" in catalogd("explain", "999999").stderr
    assert catalogd("explain", "3500").returncode == 0


HOT = {
    "supersede": {"product_ids": list(range(1, 500))},
    "read_predicted": {"batch_ids": [7] * 499, "product_ids": list(range(1, 500))},
    "explain_evidence": {"prediction_id": 7},
}


@pytest.mark.parametrize("name", HOT)
def test_a_hot_statement_has_its_index_in_every_partition(
    database: Database, db: psycopg.Connection, name: str
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
