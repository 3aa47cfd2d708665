"""`category_rules`: bounds, the audit of every change, and tables that PHP made."""

from typing import Any

import psycopg
import pytest

from daemon.database.schema import MigrationRefused, migrate, rollback
from daemon.workloads.categorization.rules.rule import FIELDS
from tests.migrations.catalogue import PHP_TABLES, columns_of, rows_of, schema_of
from tests.migrations.test_migrations import values_allowed
from tests.support.database import Database
from tests.support.factories import rule

MADE_BY_PHP = """
CREATE TABLE category_rules (
    id SERIAL NOT NULL PRIMARY KEY,
    field character varying(50) NOT NULL,
    pattern text,
    category_code character varying(100) NOT NULL,
    weight numeric(6,3) NOT NULL,
    created_at timestamp without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO category_rules (field, pattern, category_code, weight) VALUES ('name', 'pipe', 'pipes', 2.5);
"""


def test_the_fields_are_those_that_the_daemon_reads(db: psycopg.Connection) -> None:
    assert values_allowed(db, "rule_field_known") == set(FIELDS)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"field": "category_code"}, "rule_field_known"),
        ({"pattern": ""}, "rule_says_something"),
        ({"weight": "0"}, "rule_weight_in_range"),
        ({"weight": "0.001"}, "rule_weight_in_range"),
        ({"weight": "20.01"}, "rule_weight_in_range"),
        ({"weight": "-21"}, "rule_weight_in_range"),
        ({"weight": "NaN"}, "rule_weight_in_range"),
    ],
)
def test_what_no_rule_can_be(db: psycopg.Connection, columns: dict[str, str], constraint: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        rule(db, **{"pattern": "saw", "category_code": "saws"} | columns)  # type: ignore[arg-type]


def test_a_rule_stays_when_its_author_goes(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO users (id, name) VALUES (7, 'Ann')")
    rule(db, "saw", "saws", who=7)
    db.execute("DELETE FROM users")
    row = db.execute("SELECT who, weight, is_active FROM category_rules").fetchone()
    assert row == (None, 4, True)


def test_every_change_is_audited(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO users (id, name) VALUES (7, 'Ann'), (8, 'Bob')")
    rule_id = rule(db, "saw", "saws", who=7, note="x" * 5_000)
    before = db.execute("SELECT updated_at FROM category_rules").fetchone()
    db.execute("UPDATE category_rules SET weight = 2, note = NULL, who = 8, updated_at = 'infinity'")
    after = db.execute("SELECT updated_at, updated_at < now() + interval '1 minute' FROM category_rules").fetchone()
    assert before is not None
    assert after is not None
    assert after[0] > before[0]
    assert after[1]
    db.execute("DELETE FROM category_rules")
    entries = db.execute(
        "SELECT entity_type, entity_id, action, actor_type, actor_id, metadata FROM audit_log ORDER BY id"
    ).fetchall()
    first: dict[str, Any] = {"field": "name", "pattern": "saw", "category_code": "saws", "weight": 4.0, "who": 7}
    first |= {"note": "x" * 1_000, "is_active": True}
    second = first | {"weight": 2.0, "who": 8}
    del second["note"]
    who = {"role": "postgres"}
    assert entries == [
        ("category_rule", rule_id, "inserted", "user", 7, {"to": first} | who),
        ("category_rule", rule_id, "updated", "user", 8, {"from": first, "to": second} | who),
        ("category_rule", rule_id, "deleted", "user", None, {"from": second} | who),
    ]


def test_rules_that_php_has_are_adopted_and_given_back(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        db.execute(MADE_BY_PHP)
        columns = columns_of(db)
        shop_alone, rows = schema_of(db), rows_of(db, columns)
        migrate(empty_database.session)
        assert rows_of(db, columns) == rows
        assert db.execute("SELECT note, who, is_active FROM category_rules").fetchone() == (None, None, True)
        assert db.execute("SELECT count(*) FROM pg_constraint WHERE NOT convalidated").fetchone() == (0,)
        rollback(empty_database.session)
        assert schema_of(db) == shop_alone
        assert rows_of(db, columns) == rows


def test_rules_that_php_has_and_that_cannot_be_are_refused(empty_database: Database) -> None:
    with empty_database.connect() as db:
        db.execute(PHP_TABLES)
        db.execute(MADE_BY_PHP)
        db.execute("UPDATE category_rules SET pattern = NULL")
        with pytest.raises(MigrationRefused, match="rows that were there already break rule_says_something"):
            migrate(empty_database.session)
        db.execute("DELETE FROM category_rules")
        migrate(empty_database.session)
