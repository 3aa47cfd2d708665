"""A wrong shape is refused with its table, its column and a remedy; nothing is lost, and the remedy works."""

import psycopg
import pytest

from daemon.database.schema import MigrationRefused, migrate
from tests.migrations.catalogue import PHP_TABLES, columns_of, rows_of
from tests.support.database import Database
from tests.support.process import Catalogd

BATCHES = "categorization_batches"

# What is wrong, what the refusal must name, and what a person does then: the refusal's own remedy where it is SQL.
WRONG_SHAPES = {
    "json instead of jsonb": (
        "ALTER TABLE categorization_batches ALTER COLUMN product_ids TYPE json",
        f"table {BATCHES}, column product_ids: it is of type json, catalogd needs jsonb",
        "",
    ),
    "text instead of numeric": (
        "ALTER TABLE predictions ALTER COLUMN confidence_score TYPE varchar(10)",
        "table predictions, column confidence_score: it is of type character varying(10), catalogd needs numeric",
        "",
    ),
    "id without a sequence": (
        "ALTER TABLE predictions ALTER COLUMN id DROP DEFAULT",
        "table predictions, column id: it does not number its rows by itself",
        "",
    ),
    "sequence of its own": (
        "ALTER SEQUENCE predictions_id_seq OWNED BY NONE",
        "table predictions, column id: the sequence that numbers it does not belong to it",
        "",
    ),
    "no primary key": (
        "ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey",
        "table audit_log, column id: it is not a primary key",
        "",
    ),
    "foreign key without cascade": (
        "ALTER TABLE predictions DROP CONSTRAINT fk_predictions_product,"
        " ADD CONSTRAINT fk_mine FOREIGN KEY (product_id) REFERENCES products",
        "table predictions, column product_id: its foreign key fk_mine to products is not ON DELETE CASCADE",
        "ALTER TABLE predictions DROP CONSTRAINT fk_mine",
    ),
    "foreign key to an id of another type": (
        "ALTER TABLE users ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE varchar(36)",
        f"table {BATCHES}, column created_by: it cannot refer to users",
        "ALTER TABLE users ALTER COLUMN id TYPE integer USING id::integer",
    ),
    "a product twice in a batch": (
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code, confidence_score)"
        " VALUES (1, 1, 'pipes', 50)",
        "table predictions, columns batch_id, product_id: rows repeat that must be unique",
        "DELETE FROM predictions WHERE confidence_score = 50",
    ),
    "the name of an index taken": (
        "CREATE INDEX predictions_status_idx ON predictions (created_at)",
        "table predictions, columns status: they need an index, and its name predictions_status_idx is taken",
        "",
    ),
    "rows with an unknown status": (
        "UPDATE categorization_batches SET status = 'queued' WHERE id = 2",
        f"table {BATCHES}: rows that were there already break batch_status_known",
        "UPDATE categorization_batches SET status = 'pending' WHERE status = 'queued'",
    ),
    "rows out of range": (
        "UPDATE predictions SET confidence_score = 0.97 WHERE id = 1",
        "table predictions: rows that were there already break confidence_score_in_range",
        "UPDATE predictions SET confidence_score = 97 WHERE id = 1",
    ),
    "rows without their batch": (
        "UPDATE predictions SET batch_id = 99 WHERE id = 1",
        "table predictions: rows that were there already break predictions_batch_id_fkey",
        "UPDATE predictions SET batch_id = 1 WHERE id = 1",
    ),
    "a column that old rows cannot do without": (
        "ALTER TABLE evidence DROP COLUMN prediction_id",
        "table evidence, column prediction_id: it is missing, and the table has rows that would need a value",
        "ALTER TABLE evidence ADD COLUMN prediction_id bigint; UPDATE evidence SET prediction_id = id",
    ),
    "a recommendation that needs its prediction": (
        "DELETE FROM human_recommendations WHERE prediction_id IS NULL;"
        " ALTER TABLE human_recommendations ALTER COLUMN prediction_id SET NOT NULL",
        "table human_recommendations, column prediction_id: it is NOT NULL",
        "",
    ),
    "recommendations without their prediction": (
        "UPDATE human_recommendations SET prediction_id = 99 WHERE id = 1",
        "table human_recommendations: rows that were there already break human_recommendations_prediction_id_fkey",
        "UPDATE human_recommendations SET prediction_id = NULL WHERE id = 1",
    ),
    "no products": (
        "ALTER TABLE predictions DROP CONSTRAINT fk_predictions_product; ALTER TABLE products RENAME TO goods",
        "table products: it does not exist, and catalogd needs the shop to have it",
        "ALTER TABLE goods RENAME TO products",
    ),
    "no users": (
        "ALTER TABLE users RENAME TO people",
        "table users: it does not exist, and catalogd needs the shop to have it",
        "ALTER TABLE people RENAME TO users",
    ),
    "other product columns": (
        "ALTER TABLE products RENAME COLUMN part_number TO mpn",
        'table products: column "part_number" does not exist',
        "CREATE VIEW catalogd_products AS SELECT id AS product_id, sku, name, manufacturer, mpn AS part_number,"
        " description, attributes, category_code FROM products",
    ),
    "a view without a column": (
        "CREATE VIEW catalogd_products AS SELECT id AS product_id, sku, name FROM products",
        "table catalogd_products, column manufacturer: it is missing",
        "DROP VIEW catalogd_products",
    ),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_wrong_shape_is_refused_with_a_remedy_that_works(empty_database: Database, name: str) -> None:
    wrong, message, cure = WRONG_SHAPES[name]
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        db.execute(wrong)
        columns = columns_of(db)
        rows = rows_of(db, columns)
        with pytest.raises(MigrationRefused) as refusal:
            migrate(empty_database.session)
        said, _, remedy = str(refusal.value).partition("; remedy: ")
        assert said.startswith(message)
        assert remedy
        assert "\n" not in str(refusal.value)
        assert rows_of(db, columns) == rows
        db.execute(cure or remedy)
        migrate(empty_database.session)


@pytest.mark.parametrize("sequence", ["SELECT 1", "DROP SEQUENCE audit_log_id_seq;"], ids=["unused", "gone"])
def test_the_remedy_for_an_id_goes_on_counting_where_the_rows_end(empty_database: Database, sequence: str) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        db.execute("ALTER TABLE audit_log ALTER COLUMN id DROP DEFAULT; UPDATE audit_log SET id = 41")
        db.execute(sequence)
        with pytest.raises(MigrationRefused) as refusal:
            migrate(empty_database.session)
        db.execute(str(refusal.value).partition("; remedy: ")[2])
        migrate(empty_database.session)
        row = db.execute(
            "INSERT INTO audit_log (entity_type, entity_id, action, actor_type)"
            " VALUES ('x', 1, 'x', 'user') RETURNING id"
        ).fetchone()
        assert row == (42,)


def test_an_index_on_an_expression_does_not_pass_for_one_on_the_column(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        db.execute("CREATE UNIQUE INDEX odd ON predictions (batch_id, product_id, lower(suggested_category_code))")
        migrate(empty_database.session)
        with pytest.raises(psycopg.errors.UniqueViolation):
            db.execute(
                "INSERT INTO predictions (product_id, batch_id, suggested_category_code, confidence_score)"
                " VALUES (1, 1, 'pipes', 50)"
            )


def test_the_command_refuses_in_one_sentence_and_exits_78(empty_database: Database) -> None:
    result = Catalogd(empty_database.dsn)("migrate")
    assert result.returncode == 78
    assert result.stdout == ""
    assert result.stderr.startswith("catalogd: table users: it does not exist")
    assert "catalogd migrate --with-stand-in" in result.stderr
    assert result.stderr.count("\n") == 1
