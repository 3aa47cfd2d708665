"""Migrating at once with others, after a kill at any moment, and from an edited schema."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event

import psycopg
import pytest

from daemon.database.schema import MigrationRefused, checksums, exclusive, inspect, migrate
from daemon.errors import SchemaMismatch
from daemon.sessions import require_current_schema
from daemon.stand_in.schema import create_stand_in
from tests.migrations.catalogue import schema_of
from tests.support.database import Database
from tests.support.process import Catalogd
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is what goes on after a crash

NAMES = list(checksums())


@pytest.fixture
def right_schema(server: object, template: str) -> list[str]:
    """The schema of a database that was migrated without trouble."""
    with Database(server, template).connect() as db:  # type: ignore[arg-type]
        return schema_of(db)


def start_migrate(database: Database, *arguments: str) -> subprocess.Popen[str]:
    return Catalogd(database.dsn).popen("migrate", *arguments)


def wait_until_blocked(db: psycopg.Connection, blocker: psycopg.Connection, timeout_s: float = 20.0) -> int:
    """The pid of the session that waits for a lock of `blocker`."""
    pause = Event()
    for _ in range(round(timeout_s / 0.01)):
        row = db.execute(
            "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))", (blocker.info.backend_pid,)
        ).fetchone()
        if row:
            pid: int = row[0]
            return pid
        pause.wait(0.01)
    raise AssertionError(f"nobody waits for the lock within {timeout_s} s")


@contextmanager
def held(database: Database, table: str, mode: str = "SHARE ROW EXCLUSIVE") -> Iterator[psycopg.Connection]:
    """A session that holds a lock on the table."""
    with database.connect() as blocker, blocker.transaction():
        blocker.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield blocker


def kill_migrate_at(database: Database, db: psycopg.Connection, table: str, mode: str = "SHARE ROW EXCLUSIVE") -> None:
    """SIGKILL a migration where it waits for this table's lock; return when the server has seen it go."""
    with held(database, table, mode) as blocker:
        process = start_migrate(database)
        pid = wait_until_blocked(db, blocker)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        db.execute("SELECT pg_terminate_backend(%s, 20000)", (pid,))


def test_several_at_once_all_succeed_and_apply_everything_once(
    empty_database: Database, right_schema: list[str]
) -> None:
    processes = [start_migrate(empty_database, "--with-stand-in") for _ in range(4)]
    results = [process.communicate(timeout=50) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, results
    said = sorted(stdout for stdout, _ in results)
    assert said == [f"applied {', '.join(NAMES)}\n", *["the schema is up to date\n"] * 3]
    with empty_database.connect() as db:
        assert schema_of(db) == right_schema
        applied = db.execute("SELECT migration_id FROM _yoyo_log WHERE operation = 'apply' ORDER BY 1").fetchall()
        assert [name for (name,) in applied] == NAMES


@pytest.mark.parametrize("table", ["users", "products"])
def test_killed_in_the_middle_of_a_migration(empty_database: Database, right_schema: list[str], table: str) -> None:
    with empty_database.connect() as db:
        create_stand_in(db)
        kill_migrate_at(empty_database, db, table)
        assert db.execute("SELECT count(*) FROM yoyo_lock").fetchone() == (1,), "it held yoyo's lock"
        assert migrate(empty_database.session)
        assert schema_of(db) == right_schema
        require_current_schema(inspect(db))


def test_killed_after_a_migration_committed_and_before_it_was_marked(
    empty_database: Database, right_schema: list[str]
) -> None:
    with empty_database.connect() as db:
        create_stand_in(db)
        kill_migrate_at(empty_database, db, "users")
        kill_migrate_at(empty_database, db, "_yoyo_migration", "SHARE")
        assert db.execute("SELECT to_regclass('categorization_batches') IS NOT NULL").fetchone() == (True,)
        marked = db.execute("SELECT migration_id FROM _yoyo_migration").fetchall()
        assert marked == [(NAMES[0],)]
        assert migrate(empty_database.session) == NAMES[1:]
        assert schema_of(db) == right_schema


def test_killed_after_all_were_marked_and_before_the_checksums_were_recorded(
    empty_database: Database, right_schema: list[str]
) -> None:
    with empty_database.connect() as db:
        create_stand_in(db)
        migrate(empty_database.session)
        db.execute("DELETE FROM catalogd_schema")
        kill_migrate_at(empty_database, db, "catalogd_schema", "SHARE")
        with pytest.raises(SchemaMismatch, match="run: catalogd migrate"):
            require_current_schema(inspect(db))
        assert migrate(empty_database.session) == []
        require_current_schema(inspect(db))
        assert schema_of(db) == right_schema


def test_every_migration_can_be_run_again(database: Database, db: psycopg.Connection, right_schema: list[str]) -> None:
    for name in [*NAMES, "%"]:
        db.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE %s", (name,))
        assert migrate(database.session) == (NAMES if name == "%" else NAMES[NAMES.index(name) :])  # and those behind
        assert schema_of(db) == right_schema


def test_a_table_that_is_busy_is_waited_for_briefly_and_the_next_attempt_succeeds(
    empty_database: Database, right_schema: list[str]
) -> None:
    with empty_database.connect() as db:
        create_stand_in(db)
        with held(empty_database, "users"):
            result = Catalogd(empty_database.dsn)("migrate")
        assert result.returncode == 1, "it may help to try again"
        assert result.stderr == "catalogd: the database is busy: canceling statement due to lock timeout; try again\n"
        migrate(empty_database.session)
        assert schema_of(db) == right_schema


def test_a_user_without_a_name_can_migrate(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is run with a number for its user."""

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    with empty_database.connect() as db:
        create_stand_in(db)
    assert migrate(empty_database.session) == NAMES


def test_a_migration_that_takes_long_stays_the_only_one(database: Database, db: psycopg.Connection) -> None:
    """The session that holds its lock is silent for longer than the bound of every other."""
    session = replace(database.session, idle_in_transaction=timedelta(milliseconds=50))
    silent = (
        "SELECT true FROM pg_stat_activity WHERE application_name LIKE '% migration lock'"
        " AND state_change < clock_timestamp() - interval '100 ms'"
    )
    with exclusive(session, wait_s=0):
        wait_until(lambda: db.execute(silent).fetchone(), timeout_s=10)
        with pytest.raises(TimeoutError, match="another migration"), exclusive(session, wait_s=0):
            pass
    with exclusive(session, wait_s=0):
        pass


# An edit, and what the refusal says of it.
EDITS = {
    "a column dropped": ("ALTER TABLE predictions DROP COLUMN model_version", "column predictions.model_version"),
    "a trigger dropped": (
        "DROP TRIGGER catalogd_batch_inserted ON categorization_batches",
        "trigger catalogd_batch_inserted",
    ),
    "a trigger disabled": (
        "ALTER TABLE categorization_batches DISABLE TRIGGER catalogd_batch_ordered",
        "trigger catalogd_batch_ordered on categorization_batches, enabled O",
    ),
    "a trigger's function changed": (
        "CREATE OR REPLACE FUNCTION catalogd_batch_inserted() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'",
        "trigger catalogd_batch_inserted",
    ),
    "a check dropped": (
        "ALTER TABLE categorization_batches DROP CONSTRAINT batch_status_known",
        "constraint batch_status_known",
    ),
    "a key dropped": ("ALTER TABLE predictions DROP CONSTRAINT predictions_batch_id_fkey", "predictions_batch_id_fkey"),
    "a unique index dropped": (
        "DROP INDEX predictions_batch_id_product_id_key",
        "predictions_batch_id_product_id_key",
    ),
    "a decision no longer written down": (
        "DROP TRIGGER catalogd_prediction_decided ON predictions",
        "trigger catalogd_prediction_decided on predictions",
    ),
    "what PHP recommends no longer completed": (
        "ALTER TABLE human_recommendations DISABLE TRIGGER catalogd_recommendation_given",
        "trigger catalogd_recommendation_given on human_recommendations, enabled O",
    ),
    "a view of precision dropped": ("DROP VIEW lived_precision", "column lived_precision.confidence_level"),
    "a table dropped": ("DROP TABLE batch_slices", "column batch_slices."),
    "a view dropped": ("DROP VIEW catalogd_categories", "view column catalogd_categories.code"),
    "a file changed": (
        'UPDATE catalogd_schema SET checksums = checksums || \'{"0008-create-triggers": "other"}\'',
        "migration 0008-create-triggers",
    ),
}


def test_an_edited_schema_is_noticed_and_repaired(
    database: Database, db: psycopg.Connection, right_schema: list[str]
) -> None:
    for name, (edit, said) in EDITS.items():
        db.execute(edit)
        with pytest.raises(SchemaMismatch, match="run: catalogd migrate") as mismatch:
            require_current_schema(inspect(db))
        assert said in str(mismatch.value), name
        assert migrate(database.session) == NAMES, name
        require_current_schema(inspect(db))
        assert schema_of(db) == right_schema, name


def test_a_repair_is_told_as_one(db: psycopg.Connection, catalogd: Catalogd) -> None:
    db.execute("ALTER TABLE categorization_batches DISABLE TRIGGER catalogd_batch_ordered")
    said = "repaired what was changed: trigger catalogd_batch_ordered on categorization_batches\n"
    assert catalogd("migrate").stdout == said
    assert catalogd("migrate").stdout == "the schema is up to date\n"


BEYOND_REPAIR = {
    "batch_slices": "ALTER TABLE batch_slices DROP COLUMN claimed_by",
    "categorization_models": "ALTER TABLE categorization_models DROP COLUMN content",
    "catalogd_categories": "DROP VIEW catalogd_categories; CREATE VIEW catalogd_categories AS SELECT 'x'::text AS code",
}


@pytest.mark.parametrize("table", BEYOND_REPAIR)
def test_what_cannot_be_repaired_is_refused_and_stays_refused(
    database: Database, db: psycopg.Connection, table: str
) -> None:
    db.execute(BEYOND_REPAIR[table])
    for _ in range(2):
        with pytest.raises(MigrationRefused, match=rf"table {table}, column \w+: it is missing; remedy: "):
            migrate(database.session)
        with pytest.raises(SchemaMismatch, match="run: catalogd migrate"):
            require_current_schema(inspect(db))


def test_what_the_shop_adds_to_our_tables_is_its_own_affair(database: Database, db: psycopg.Connection) -> None:
    db.execute("ALTER TABLE predictions ADD COLUMN reviewed_by bigint")
    db.execute("CREATE INDEX shops_own ON predictions (confidence_score)")
    require_current_schema(inspect(db))
    assert migrate(database.session) == []


MISMATCHES = {
    "old": ("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0009%'", "run: catalogd migrate"),
    "newer": (
        "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('ff', '0099-from-the-future')",
        "newer than this catalogd",
    ),
    "edited": ("DROP TRIGGER catalogd_batch_ordered ON categorization_batches", "run: catalogd migrate"),
}


@pytest.mark.parametrize("kind", MISMATCHES)
def test_run_refuses_another_schema_with_exit_code_78(db: psycopg.Connection, catalogd: Catalogd, kind: str) -> None:
    change, said = MISMATCHES[kind]
    db.execute(change)
    result = catalogd("run", "--once")
    assert result.returncode == 78
    event = json.loads(result.stdout)
    assert (event["event"], event["error_type"]) == ("daemon.refused", "SchemaMismatch")
    assert said in event["error"]
    assert result.stderr == f"catalogd: {event['error']}\n"


def test_an_older_catalogd_does_not_migrate_a_newer_schema(database: Database, db: psycopg.Connection) -> None:
    db.execute(MISMATCHES["newer"][0])
    with pytest.raises(MigrationRefused, match=r"newer catalogd .*0099-from-the-future"):
        migrate(database.session)


def test_run_on_an_empty_database_names_the_command(empty_database: Database) -> None:
    result = Catalogd(empty_database.dsn)("run", "--once")
    assert result.returncode == 78
    assert result.stderr.endswith("run: catalogd migrate\n")
