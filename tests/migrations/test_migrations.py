"""The schema that the migrations make is the one PHP was promised; up, down, up gives it again."""

import re

import psycopg
import pytest

from daemon.database.schema import migrate, migrations_directory, rollback
from daemon.engine.status import BatchStatus
from daemon.stand_in.schema import create_stand_in
from tests.migrations.catalogue import PHP_TABLES, columns_of, rows_of, schema_of, tables_of
from tests.support.database import Database
from tests.support.process import Catalogd

SAFE_PATH = "pg_catalog, pg_temp"
ID, COUNT, TEXT, TIME = "bigint", "integer", "text|character varying.*", "timestamp with time zone"

COLUMNS = {
    "categorization_batches": {
        "id": ID,
        "status": TEXT,
        "product_ids": "jsonb",
        "total_products": COUNT,
        "processed_products": COUNT,
        "success_products": COUNT,
        "error_products": COUNT,
        "retry_count": COUNT,
        "created_by": ID,
        "created_at": TIME,
        "started_at": TIME,
        "completed_at": TIME,
        "error_message": TEXT,
    },
    "predictions": {
        "id": ID,
        "product_id": ID,
        "batch_id": ID,
        "suggested_category_code": TEXT,
        "suggested_category_label": TEXT,
        "confidence_score": r"numeric\(5,2\)",
        "confidence_level": TEXT,
        "status": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
    },
    "evidence": {
        "id": ID,
        "prediction_id": ID,
        "source_type": TEXT,
        "source_label": TEXT,
        "evidence_value": TEXT,
        "weight": r"numeric\(4,3\)",
        "created_at": TIME,
    },
    "audit_log": {
        "id": ID,
        "entity_type": TEXT,
        "entity_id": ID,
        "action": TEXT,
        "actor_type": TEXT,
        "actor_id": ID,
        "metadata": "jsonb",
        "created_at": TIME,
    },
    "categorization_errors": {"batch_id": ID, "item": "jsonb", "code": TEXT, "message": TEXT, "created_at": TIME},
    "human_recommendations": {
        "id": ID,
        "prediction_id": ID,
        "product_id": ID,
        "category_code": TEXT,
        "created_by": ID,
        "reason": TEXT,
        "created_at": TIME,
    },
    "akeneo_workflow": {"prediction_id": ID},
    "catalogd_products": {
        "product_id": ID,
        "sku": TEXT,
        "name": TEXT,
        "manufacturer": TEXT,
        "part_number": TEXT,
        "description": TEXT,
        "attributes": "jsonb",
        "category_code": TEXT,
    },
    "catalogd_categories": {"code": TEXT, "label": TEXT, "path": TEXT},
}

FOREIGN_KEYS = [
    ("categorization_batches", "created_by", "users", "SET NULL"),
    ("predictions", "product_id", "products", "CASCADE"),
    ("predictions", "batch_id", "categorization_batches", "CASCADE"),
    ("evidence", "prediction_id", "predictions", "CASCADE"),
    ("categorization_errors", "batch_id", "categorization_batches", "CASCADE"),
    ("human_recommendations", "prediction_id", "predictions", "SET NULL"),
    ("human_recommendations", "product_id", "products", "CASCADE"),
    ("human_recommendations", "created_by", "users", "SET NULL"),
    ("akeneo_workflow", "prediction_id", "predictions", "SET NULL"),
]

INDEXES = [
    ("categorization_batches", "status", False),
    ("predictions", "batch_id, product_id", True),
    ("predictions", "product_id", False),
    ("predictions", "batch_id", False),
    ("predictions", "status", False),
    ("evidence", "prediction_id", False),
    ("audit_log", "entity_type, entity_id", False),
    ("audit_log", "created_at", False),
    ("human_recommendations", "prediction_id", False),
    ("human_recommendations", "product_id", False),
]


def values_allowed(db: psycopg.Connection, constraint: str) -> set[str]:
    """The texts that a CHECK names."""
    row = db.execute(
        "SELECT array_agg(m[1]) FROM pg_constraint,"
        " regexp_matches(pg_get_constraintdef(oid), '''([^'']+)''', 'g') AS m"
        " WHERE conname = %s AND contype = 'c' AND convalidated",
        (constraint,),
    ).fetchone()
    assert row is not None
    return set(row[0] or ())


def test_every_promised_column_is_there(db: psycopg.Connection) -> None:
    for table, columns in COLUMNS.items():
        found = dict(
            db.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                (table,),
            ).fetchall()
        )
        for column, family in columns.items():
            assert re.fullmatch(family, found.get(column, "missing")), (table, column, found.get(column))


def test_every_promised_foreign_key_is_there(db: psycopg.Connection) -> None:
    for table, column, target, action in FOREIGN_KEYS:
        found = db.execute(
            "SELECT pg_get_constraintdef(oid), convalidated FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = %s::regclass AND pg_get_constraintdef(oid) LIKE %s",
            (table, f"FOREIGN KEY ({column})%"),
        ).fetchall()
        assert found == [(f"FOREIGN KEY ({column}) REFERENCES {target}(id) ON DELETE {action}", True)]


def test_every_promised_index_is_there(db: psycopg.Connection) -> None:
    for table, columns, is_unique in INDEXES:
        found = db.execute(
            "SELECT indisunique FROM pg_index WHERE indrelid = %s::regclass AND indisvalid AND indpred IS NULL"
            " AND pg_get_indexdef(indexrelid) LIKE %s",
            (table, f"%({columns})"),
        ).fetchall()
        assert found == [(is_unique,)], (table, columns)


def test_batch_status_and_its_constraint_name_the_same_states(db: psycopg.Connection) -> None:
    assert values_allowed(db, "batch_status_known") == {status.value for status in BatchStatus}


def test_predictions_know_their_states_and_levels(db: psycopg.Connection) -> None:
    assert values_allowed(db, "prediction_status_known") == {"pending", "approved", "rejected", "superseded"}
    assert values_allowed(db, "confidence_level_known") == {"high", "medium", "low"}


def test_confidence_is_between_10_and_100(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO products (id, name) VALUES (1, 'pipe')")
    db.execute("INSERT INTO categorization_batches (id, product_ids) VALUES (1, '[1]')")
    db.execute("INSERT INTO predictions (product_id, batch_id, confidence_score) VALUES (1, 1, 10)")
    db.execute("UPDATE predictions SET confidence_score = 100")
    for score in ("9.99", "100.01"):
        with pytest.raises(psycopg.errors.CheckViolation, match="confidence_score_in_range"):
            db.execute("UPDATE predictions SET confidence_score = %s", (score,))


def test_phps_plain_insert_is_enough(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO users (id, name) VALUES (7, 'Ann')")
    row = db.execute(
        "INSERT INTO categorization_batches (product_ids, created_by) VALUES ('[1,2,3]', 7) RETURNING"
        " status, total_products, processed_products, success_products, error_products, retry_count,"
        " created_at IS NOT NULL, started_at, completed_at, error_message"
    ).fetchone()
    assert row == ("pending", 0, 0, 0, 0, 0, True, None, None, None)
    db.execute("DELETE FROM users")
    assert db.execute("SELECT created_by FROM categorization_batches").fetchone() == (None,)


def test_the_bell_rings_for_an_insert_a_retry_and_a_cancel_and_for_nothing_else(db: psycopg.Connection) -> None:
    orders = [
        ("INSERT INTO categorization_batches (product_ids) VALUES ('[]')", 1),
        ("UPDATE categorization_batches SET status = 'processing', processed_products = 1", 0),
        ("UPDATE categorization_batches SET status = 'completed'", 0),
        ("UPDATE categorization_batches SET status = 'pending', retry_count = retry_count + 1", 1),
        ("UPDATE categorization_batches SET status = 'pending'", 0),
        ("UPDATE categorization_batches SET status = 'cancelled'", 1),
        ("INSERT INTO categorization_batches (product_ids) SELECT '[]' FROM generate_series(1, 5)", 1),
    ]
    heard: list[tuple[str, str]] = []
    db.add_notify_handler(lambda bell: heard.append((bell.channel, bell.payload)))
    db.execute("LISTEN catalogd")
    for order, bells in orders:
        db.execute(order)
        db.execute("SELECT 1")
        assert heard == [("catalogd", "categorization_batches")] * bells, order
        heard.clear()


def test_a_persons_order_is_audited_where_it_is_given(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO categorization_batches (id, product_ids) VALUES (1, '[]')")
    db.execute("UPDATE categorization_batches SET status = 'failed', error_message = 'bad', completed_at = now()")
    db.execute("UPDATE categorization_batches SET status = 'pending', retry_count = retry_count + 1")
    row = db.execute("SELECT status, error_message, completed_at FROM categorization_batches").fetchone()
    assert row == ("pending", None, None)
    db.execute("UPDATE categorization_batches SET status = 'cancelled'")
    row = db.execute("SELECT completed_at IS NOT NULL FROM categorization_batches").fetchone()
    assert row == (True,)
    entries = db.execute(
        "SELECT entity_type, entity_id, action, actor_type, metadata FROM audit_log ORDER BY id"
    ).fetchall()
    common = {"retry_count": 1, "role": "postgres"}
    assert entries == [
        ("categorization_batch", 1, "retried", "user", {"from": "failed", "to": "pending"} | common),
        ("categorization_batch", 1, "cancelled", "user", {"from": "pending", "to": "cancelled"} | common),
    ]


def test_every_migration_can_be_undone_and_has_a_lock_timeout() -> None:
    files = sorted(migrations_directory().glob("[0-9]*.sql"))
    forward = [path for path in files if not path.name.endswith(".rollback.sql")]
    assert len(forward) >= 9
    for path in forward:
        assert path.with_name(f"{path.stem}.rollback.sql") in files
        assert "SET LOCAL lock_timeout = '3s';" in path.read_text(encoding="utf-8"), path.name


def test_what_runs_with_its_owners_rights_finds_nothing_that_others_have_put_there(db: psycopg.Connection) -> None:
    """A name in its body is looked for in pg_catalog first, and among the caller's temporary tables last."""
    found = db.execute(
        "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    ).fetchall()
    assert len(found) >= 10
    assert [(name, settings) for name, settings in found if settings != [f"search_path={SAFE_PATH}"]] == []


def test_so_it_does_on_each_step_of_the_way_there_and_back() -> None:
    makes, safe = re.compile("SECURITY DEFINER"), re.compile(f"SECURITY DEFINER SET search_path = {SAFE_PATH} AS")
    scripts = {path.name: path.read_text(encoding="utf-8") for path in migrations_directory().glob("*.sql")}
    counts = {name: (len(makes.findall(script)), len(safe.findall(script))) for name, script in scripts.items()}
    assert sum(made for made, _ in counts.values()) >= 14
    assert [name for name, (made, safely) in counts.items() if made != safely] == []


def test_up_down_up_gives_the_same_schema(empty_database: Database) -> None:
    with empty_database.connect() as db:
        create_stand_in(db)
        shop_alone = schema_of(db)
        assert migrate(empty_database.session)
        migrated = schema_of(db)
        rollback(empty_database.session)
        assert schema_of(db) == shop_alone
        migrate(empty_database.session)
        assert schema_of(db) == migrated
        assert migrate(empty_database.session) == []


@pytest.mark.parametrize(
    "made_by_php",
    [
        {"categorization_batches"},
        {"categorization_batches", "predictions"},
        {"categorization_batches", "predictions", "evidence", "audit_log", "akeneo_workflow"},
        {"audit_log", "akeneo_workflow"},
        {"categorization_batches", "predictions", "human_recommendations"},
    ],
    ids=lambda tables: "+".join(sorted(tables)),
)
def test_tables_that_php_made_are_adopted_and_given_back_with_their_rows(
    empty_database: Database, made_by_php: set[str]
) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        for table in tables_of(db) - made_by_php - {"users", "products", "categories"}:
            db.execute(f"DROP TABLE {table} CASCADE")
        columns = columns_of(db)
        shop_alone, rows = schema_of(db), rows_of(db, columns)

        migrate(empty_database.session)
        migrated = schema_of(db)
        assert rows_of(db, columns) == rows
        for table, promised in COLUMNS.items():
            if table != "akeneo_workflow" or table in made_by_php:
                assert promised.keys() <= set(columns_of(db, views=True)[table])

        rollback(empty_database.session)
        assert schema_of(db) == shop_alone
        assert rows_of(db, columns) == rows

        migrate(empty_database.session)
        assert schema_of(db) == migrated
        assert rows_of(db, columns) == rows


def test_keys_and_checks_that_php_left_out_are_added_and_hold_for_old_rows(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        migrate(empty_database.session)
        unvalidated = db.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated").fetchall()
        assert unvalidated == []
        for table, column, target, action in FOREIGN_KEYS:
            found = db.execute(
                "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass"
                " AND pg_get_constraintdef(oid) LIKE %s",
                (table, f"FOREIGN KEY ({column}) REFERENCES {target}(id) ON DELETE {action}%"),
            ).fetchone()
            assert found == (1,), (table, column)
        indexed = db.execute(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'predictions'::regclass"
        ).fetchall()
        assert sum(definition.endswith("(product_id)") for (definition,) in indexed) == 1, "PHP's own index is enough"
        with pytest.raises(psycopg.errors.UniqueViolation):
            db.execute(
                "INSERT INTO predictions (product_id, batch_id, suggested_category_code, confidence_score)"
                " SELECT product_id, batch_id, 'pipes', 50 FROM predictions"
            )


def test_a_batch_that_php_inserted_before_the_migration_is_treated_after_it(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        catalogd = Catalogd(empty_database.dsn)
        assert catalogd("migrate").returncode == 0
        db.execute(
            "INSERT INTO categorization_batches (status, product_ids, error_products, created_at)"
            " VALUES ('pending', '[1]', 0, now())"
        )
        result = catalogd("run", "--once")
        assert result.returncode == 0, result.stdout
        rows = db.execute(
            "SELECT status, total_products, success_products, error_products FROM categorization_batches ORDER BY id"
        ).fetchall()
        assert rows == [("completed", 2, 2, 0), ("completed", 2, 1, 1), ("completed", 1, 1, 0)]
        superseded = db.execute("SELECT status FROM predictions WHERE product_id = 1 ORDER BY id").fetchall()
        assert superseded == [("approved",), ("pending",)]


def test_what_people_decided_before_the_migration_is_collected(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        db.execute("ALTER TABLE predictions ADD updated_at timestamp; UPDATE predictions SET updated_at = 'infinity'")
        migrate(empty_database.session)
        rows = db.execute(
            "SELECT product_id, prediction_id, verdict, predicted_category_code, right_category_code, is_right,"
            " confidence_score::float8, decided_at::date::text FROM human_decisions ORDER BY id"
        ).fetchall()
        today = db.execute("SELECT now()::date::text").fetchone()
        assert today is not None
        assert rows == [
            (1, 1, "approved", "hammers", "hammers", True, 97.5, *today),  # not later than it was collected
            (2, 2, "recommended", "pipes", "hammers", False, 61.0, "2024-01-03"),
        ]
        assert db.execute("SELECT product_id FROM human_recommendations ORDER BY id").fetchall() == [(2,), (None,)]
        db.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0014%'")
        assert "0014-collect-decisions" in migrate(empty_database.session)
        assert db.execute("SELECT count(*) FROM human_decisions").fetchone() == (2,)


def test_the_stand_in_touches_no_table_that_exists(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        before, columns = schema_of(db), columns_of(db)
        rows = rows_of(db, columns)
        create_stand_in(db)
        assert schema_of(db) == before
        assert rows_of(db, columns) == rows


def test_a_view_that_the_shop_made_stays(empty_database: Database) -> None:
    own = (
        "CREATE VIEW catalogd_products AS SELECT id AS product_id, upper(sku) AS sku, name, manufacturer,"
        " part_number, description, attributes, category_code FROM products"
    )
    with empty_database.connect() as db:
        create_stand_in(db)
        db.execute(own)
        definition = db.execute("SELECT pg_get_viewdef('catalogd_products')").fetchone()
        migrate(empty_database.session)
        rollback(empty_database.session)
        assert db.execute("SELECT pg_get_viewdef('catalogd_products')").fetchone() == definition
        assert db.execute("SELECT to_regclass('catalogd_categories')").fetchone() == (None,)
        migrate(empty_database.session)
        assert db.execute("SELECT pg_get_viewdef('catalogd_products')").fetchone() == definition


@pytest.mark.parametrize("column", ["retry_count", "created_at"])
def test_a_batch_is_treated_though_phps_column_allows_null(empty_database: Database, column: str) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        db.execute("ALTER TABLE categorization_batches ADD retry_count integer, ALTER created_at DROP NOT NULL")
        migrate(empty_database.session)
        db.execute("UPDATE categorization_batches SET retry_count = 0")
        db.execute(f"UPDATE categorization_batches SET {column} = NULL WHERE id = 2")  # noqa: S608
        result = Catalogd(empty_database.dsn)("run", "--once")
        assert result.returncode == 0, result.stdout
        row = db.execute(
            "SELECT status, total_products, success_products, error_products FROM categorization_batches WHERE id = 2"
        ).fetchone()
        assert row == ("completed", 2, 1, 1)
