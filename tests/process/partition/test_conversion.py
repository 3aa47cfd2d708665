"""Of whatever tables there are it makes partitioned ones, and nobody notices."""

import psycopg
import pytest

from tests.migrations.catalogue import PHP_TABLES
from tests.support.database import Database
from tests.support.factories import assert_settled, shop
from tests.support.partitions import LEFT_OVER, YEAR, bounds, partition, predict, told, value
from tests.support.process import Catalogd

HIGHEST = "SELECT max(id) FROM {}"
SUM = "SELECT md5(string_agg(row::text, ',' ORDER BY id)) FROM {} AS row"


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
def test_what_a_killed_run_left_to_be_validated_is(db: psycopg.Connection, catalogd: Catalogd) -> None:
    partition(catalogd)
    db.execute("ALTER TABLE akeneo_workflow DROP CONSTRAINT akeneo_workflow_prediction_id_fkey")
    db.execute(
        "ALTER TABLE akeneo_workflow ADD CONSTRAINT akeneo_workflow_prediction_id_fkey"
        " FOREIGN KEY (prediction_id) REFERENCES predictions (id) ON DELETE SET NULL NOT VALID"
    )
    assert told(partition(catalogd)) == ["partition.done"]
    assert value(db, LEFT_OVER) == 0


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


def test_phps_statements_are_answered_alike(db: psycopg.Connection, catalogd: Catalogd) -> None:
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


def test_a_database_that_was_not_migrated_is_refused(empty_database: Database) -> None:
    result = Catalogd(empty_database.dsn)("partition")
    assert result.returncode == 78
    assert "run: catalogd migrate" in result.stderr
