"""COPY of rows."""

import psycopg
import pytest

from daemon.database.bulk import copy_rows


def test_rows_arrive_as_they_are(db: psycopg.Connection) -> None:
    db.execute('CREATE TABLE "odd name" ("a b" text, n bigint)')
    rows = [("tab\tline\nback\\slash", 1), (None, None), ("\\N", 2**62)]
    copy_rows(db, "odd name", ["a b", "n"], iter(rows))
    assert db.execute('SELECT * FROM "odd name" ORDER BY n NULLS LAST').fetchall() == [rows[0], rows[2], rows[1]]


def test_rows_belong_to_the_callers_transaction(db: psycopg.Connection) -> None:
    with db.transaction(force_rollback=True):
        copy_rows(db, "users", ["id", "name"], [(1, "Ann")])
        assert db.execute("SELECT count(*) FROM users").fetchone() == (1,)
    assert db.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_no_rows_are_no_error(db: psycopg.Connection) -> None:
    copy_rows(db, "users", ["id", "name"], [])
    assert db.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_row_that_is_refused_leaves_none(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        copy_rows(db, "users", ["id", "name"], [(1, "Ann"), (2, None)])
    assert db.execute("SELECT count(*) FROM users").fetchone() == (0,)
