"""Models that were learned before there was a choice among them stay in use, and do so when the choice goes again."""

import psycopg
import pytest

from daemon.database.schema import migrations_directory
from daemon.workloads.categorization.store import read_model_version

FORWARD, BACK = (
    migrations_directory().joinpath(f"0019-promote-models{end}.sql").read_text(encoding="utf-8")
    for end in ("", ".rollback")
)


def run(db: psycopg.Connection, script: str) -> None:
    with db.transaction():
        db.execute(script)


def add(db: psycopg.Connection, learned_at: str) -> int:
    row = db.execute(
        "INSERT INTO categorization_models (learned_at, products, categories, report, content)"
        " VALUES (now() + %s::interval, 1, 1, '{}', '') RETURNING version",
        (learned_at,),
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("ages", [("-2 days", "-1 day"), ("2 days", "-1 day"), ("0", "0")])
def test_the_newest_is_in_use_whatever_the_clock_said(db: psycopg.Connection, ages: tuple[str, str]) -> None:
    run(db, BACK)
    older, newest = (add(db, age) for age in ages)
    run(db, FORWARD)
    assert read_model_version(db) == newest
    db.execute("UPDATE categorization_models SET promoted_at = NULL WHERE version = %s", (newest,))
    assert read_model_version(db) == older
    run(db, FORWARD)  # again, as where the schema was edited: what is in use stays in use
    assert read_model_version(db) == older


def test_without_models_there_is_none_in_use(db: psycopg.Connection) -> None:
    run(db, BACK)
    run(db, FORWARD)
    assert read_model_version(db) is None


def test_going_back_leaves_the_one_in_use_the_newest(db: psycopg.Connection) -> None:
    first, in_use, rolled_back = (add(db, age) for age in ("-3 days", "-2 days", "-1 day"))
    db.execute("UPDATE categorization_models SET promoted_at = NULL WHERE version = %s", (rolled_back,))
    assert read_model_version(db) == in_use
    run(db, BACK)
    assert db.execute("SELECT array_agg(version) FROM categorization_models").fetchone() == ([first, in_use],)
