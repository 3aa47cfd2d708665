"""Each check is made to fail on a real server, and shows what mends it; what it says mends it does."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon.doctor.check import Finding, Level
from daemon.doctor.checks import (
    bell,
    clock,
    connection,
    disk,
    durability,
    extras,
    hearing,
    instances,
    keepalives,
    model,
    notifications,
    pooler,
    role,
    schema,
    settings,
    slots,
    tls,
    transactions,
    vacuum,
    views,
    work,
)
from daemon.workloads.registry import Entry
from tests.doctor.conftest import Examine
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.pgbouncer import PGBOUNCER, Pooler
from tests.support.price_lists import order, supplier
from tests.support.roles import OPERATOR, RUNTIME, give_rights

pytestmark = pytest.mark.one_server

NEEDS_PGBOUNCER = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")


def assert_one(findings: list[Finding], level: Level, says: str, remedy: str = "") -> Finding:
    assert [finding.level for finding in findings] == [level], findings
    assert says in findings[0].says
    assert remedy in findings[0].remedy
    assert (findings[0].remedy == "") == (level is Level.OK or remedy == "")
    return findings[0]


def test_a_healthy_shop(find: Examine, database: Database, db: psycopg.Connection) -> None:
    shop(db, products=60, labelled=40)
    give_rights(database)
    dsn = make_conninfo(database.dsn, user=RUNTIME)
    with psycopg.connect(database.dsn, application_name="catalogd a:1:x:9 listener"):
        for module in (settings, extras, connection, tls, pooler, keepalives, clock, schema, role, bell, hearing, work):
            assert {finding.level for finding in find(module.CHECK, dsn)} == {Level.OK}, module.__name__
    for module in (views, vacuum, slots, notifications):
        assert {finding.level for finding in find(module.CHECK, dsn)} == {Level.OK}, module.__name__


# settings, extras


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CATALOGD_WORKER", "CATALOGD_WORKERS"),
        ("catalogd_workers", "CATALOGD_WORKERS"),
        ("Database_Url", "DATABASE_URL"),
    ],
)
def test_a_typing_error_in_the_environment(
    find: Examine, environment: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    environment.setenv(name, "3")
    assert_one(find(settings.CHECK), Level.WARNING, f"{name} is read by nothing", f"is {meant} meant?")


def test_a_typing_error_in_the_file(find: Examine, environment: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("CATALOGD_TRESHOLD=80\nOTHER=1\n", encoding="utf-8")
    assert_one(find(settings.CHECK), Level.WARNING, "CATALOGD_TRESHOLD", "is CATALOGD_THRESHOLD meant?")


def test_a_name_that_is_like_none(find: Examine, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CATALOGD_ZZZ", "1")
    assert_one(find(settings.CHECK), Level.WARNING, "CATALOGD_ZZZ", "unset it")


def test_a_setting_that_is_refused(find: Examine, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CATALOGD_PRICE_LIST_MEGABYTES", "many")
    assert_one(find(settings.CHECK), Level.WRONG, "CATALOGD_PRICE_LIST_MEGABYTES: ", "set it right")


def test_a_workload_without_its_libraries(find: Examine, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CATALOGD_WORKLOADS", "odd")
    registry = (Entry("odd", "x:y", "x:z", extra="odd", needs=("no_such_library",)),)
    environment.setattr(extras, "REGISTRY", registry)
    assert_one(find(extras.CHECK), Level.WRONG, "CATALOGD_WORKLOADS names odd", "pip install 'catalogd[odd]'")


# the way to the server


def test_a_server_that_is_away(find: Examine) -> None:
    dsn = "postgresql://u:s3cret@127.0.0.1:1/x"
    finding = assert_one(
        find(connection.CHECK, dsn), Level.WRONG, "cannot be reached", "check that the server runs there"
    )
    assert "(systemctl status postgresql), then DATABASE_URL" in finding.remedy
    assert "s3cret" not in str(finding)
    assert_one(find(vacuum.CHECK, dsn), Level.SKIPPED, "the connection must be right first")


def test_a_database_that_is_read_only(find: Examine, database: Database, db: psycopg.Connection) -> None:
    db.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    finding = assert_one(find(connection.CHECK), Level.WRONG, "read-only", "RESET default_transaction_read_only")
    with db.transaction():
        db.execute("SET TRANSACTION READ WRITE")
        db.execute(finding.remedy.split(";")[0])
    assert_one(find(connection.CHECK), Level.OK, "PostgreSQL")


@pytest.mark.parametrize(
    ("encoding", "level", "says"),
    [
        ("SQL_ASCII", Level.WRONG, "the encoding SQL_ASCII, which cannot hold"),
        ("LATIN1", Level.WRONG, "the encoding LATIN1, which cannot hold"),
        ("WIN1252", Level.WARNING, "its encoding is WIN1252"),
    ],
)
def test_a_database_of_another_encoding(
    find: Examine, database: Database, db: psycopg.Connection, encoding: str, level: Level, says: str
) -> None:
    """Wrong is what every command refuses, and nothing else."""
    name = f"odd_{encoding.lower()}"
    db.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    try:
        dsn = make_conninfo(database.dsn, dbname=name)
        assert_one(find(connection.CHECK, dsn), level, says, "ENCODING 'UTF8'")
    finally:
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_way_that_cannot_be_examined_is_wrong(find: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise psycopg.DataError("odd")

    monkeypatch.setattr("daemon.database.pool.Session.configure", fail)
    assert_one(find(connection.CHECK), Level.WRONG, "the database cannot be worked with: ", "DATABASE_URL")


def test_a_slow_way(find: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SLOW_S", 0.0)
    assert_one(find(connection.CHECK), Level.WARNING, "which is slow", "nearer")


def test_what_goes_over_a_network_in_the_open(
    find: Examine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = database.server.dsn(database.name, tcp=True)
    assert_one(find(tls.CHECK, dsn), Level.OK, "on this machine")
    monkeypatch.setattr("daemon.doctor.patient.Patient.is_local", False)
    assert_one(find(tls.CHECK, dsn), Level.WARNING, "not encrypted", "sslmode=verify-full")


@NEEDS_PGBOUNCER
def test_a_pooler_in_between(find: Examine, database: Database) -> None:
    with Pooler(database.dsn) as between:
        assert_one(find(pooler.CHECK, between.dsn), Level.WARNING, "a transaction pooler", "name the server itself")
        assert_one(find(hearing.CHECK, between.dsn), Level.SKIPPED, "nothing is heard")
        assert_one(find(instances.CHECK, between.dsn), Level.SKIPPED, "cannot be seen", "the server itself")
        assert_one(find(keepalives.CHECK, between.dsn), Level.SKIPPED, "the pooler's")
        assert_one(find(schema.CHECK, between.dsn), Level.OK, "migrations")


def test_bounds_that_the_server_does_not_keep(
    find: Examine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = database.server.dsn(database.name, tcp=True)
    assert_one(find(keepalives.CHECK, dsn), Level.OK, "noticed")
    monkeypatch.setattr(keepalives, "OF_THE_SESSION", {"tcp_keepalives_idle": "6s"})
    assert_one(find(keepalives.CHECK, dsn), Level.WARNING, "tcp_keepalives_idle", "postgresql.conf")


def test_clocks_that_differ(find: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(clock, "time", lambda: time.time() - 90)
    assert_one(find(clock.CHECK), Level.WARNING, "1 min 30 s ahead of", "timedatectl")


# schema, role, bell


def test_a_schema_that_is_not_there(find: Examine, empty_database: Database) -> None:
    dsn = empty_database.dsn
    assert_one(find(schema.CHECK, dsn), Level.WRONG, "migrations are missing", "catalogd migrate")
    assert_one(find(views.CHECK, dsn), Level.SKIPPED, "there must be a schema first")


def test_a_schema_that_was_edited_or_is_newer(find: Examine, db: psycopg.Connection) -> None:
    db.execute("ALTER TABLE batch_slices DROP COLUMN run_after CASCADE")
    assert_one(find(schema.CHECK), Level.WRONG, "run_after", "catalogd migrate")
    db.execute(
        "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('x', '9999-later', now())"
    )
    assert_one(find(schema.CHECK), Level.WRONG, "newer", "install the version")


def test_a_trigger_that_is_switched_off_is_told_in_words(find: Examine, db: psycopg.Connection) -> None:
    db.execute("ALTER TABLE categorization_batches DISABLE TRIGGER catalogd_batch_ordered")
    finding = assert_one(find(schema.CHECK), Level.WRONG, "1 thing was changed since it was migrated, ", "migrate")
    assert finding.says.endswith(
        "trigger catalogd_batch_ordered on categorization_batches is gone, switched off or another"
    )


def test_a_superuser(find: Examine) -> None:
    assert_one(find(role.CHECK), Level.WARNING, "is a superuser", "catalogd grants | psql")


def test_a_role_that_lacks_something(find: Examine, database: Database, db: psycopg.Connection) -> None:
    give_rights(database)
    dsn = make_conninfo(database.dsn, user=RUNTIME)
    db.execute(f"REVOKE ALL ON evidence, supplier_items FROM {RUNTIME}")
    finding = assert_one(find(role.CHECK, dsn), Level.WRONG, "INSERT on evidence", "catalogd grants | psql")
    assert "UPDATE on supplier_items" in finding.facts["lacking"]  # type: ignore[operator]
    give_rights(database)
    assert_one(find(role.CHECK, dsn), Level.OK, "what the daemon needs, and no more")


def test_a_role_that_only_looks(find: Examine, database: Database, db: psycopg.Connection) -> None:
    give_rights(database)
    dsn = make_conninfo(database.dsn, user=OPERATOR)
    assert_one(find(role.CHECK, dsn), Level.OK, "enough to look")
    db.execute(f"REVOKE ALL ON batch_slices FROM {OPERATOR}")
    assert_one(find(role.CHECK, dsn), Level.WRONG, "SELECT on batch_slices", "catalogd grants")


@pytest.mark.parametrize("role_name", [RUNTIME, OPERATOR])
def test_a_role_that_has_more_through_others(
    find: Examine, database: Database, db: psycopg.Connection, role_name: str
) -> None:
    give_rights(database)
    dsn = make_conninfo(database.dsn, user=role_name)
    db.execute(f"GRANT pg_write_all_data, pg_monitor TO {role_name}")
    try:
        finding = assert_one(find(role.CHECK, dsn), Level.WARNING, "a member of pg_write_all_data: more than", "REVOKE")
        db.execute(finding.remedy.encode())
        assert_one(find(role.CHECK, dsn), Level.OK, role_name)
    finally:
        db.execute(f"REVOKE pg_write_all_data, pg_monitor FROM {role_name}")


def test_a_schema_that_is_open_to_everybody(find: Examine, database: Database, db: psycopg.Connection) -> None:
    give_rights(database)
    db.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    dsn = make_conninfo(database.dsn, user=RUNTIME)
    finding = assert_one(find(role.CHECK, dsn), Level.WARNING, "everybody may create", "REVOKE CREATE ON SCHEMA")
    db.execute(finding.remedy.encode())
    assert_one(find(role.CHECK, dsn), Level.OK, RUNTIME)


def test_a_bell_that_does_not_ring(
    find: Examine, database: Database, db: psycopg.Connection, environment: pytest.MonkeyPatch
) -> None:
    db.execute("ALTER TABLE supplier_imports DISABLE TRIGGER catalogd_batch_inserted")
    assert_one(find(bell.CHECK), Level.WRONG, "the bell of supplier_imports is switched off", "catalogd migrate")
    environment.setenv("CATALOGD_NOTIFY", "off")
    assert_one(find(bell.CHECK), Level.OK, "as CATALOGD_NOTIFY=off wants it")
    db.execute("ALTER TABLE supplier_imports ENABLE TRIGGER catalogd_batch_inserted")
    assert_one(find(bell.CHECK), Level.WARNING, "it rings although", "CATALOGD_NOTIFY=off")
    db.execute("ALTER TABLE supplier_imports DISABLE TRIGGER catalogd_batch_ordered")
    assert_one(
        find(bell.CHECK), Level.WRONG, "no trigger notifies when a batch of supplier_imports", "catalogd migrate"
    )
    db.execute("ALTER TABLE supplier_imports ENABLE TRIGGER catalogd_batch_ordered")
    db.execute(
        "CREATE OR REPLACE FUNCTION catalogd_batch_inserted() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'"
    )
    assert_one(find(bell.CHECK), Level.WRONG, "no trigger notifies", "catalogd migrate")


def test_notifications_that_are_dropped(find: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "PATIENCE_S", 0.05)
    monkeypatch.setattr(hearing, "hear", lambda _: set())
    assert_one(find(hearing.CHECK), Level.WRONG, "no notification arrives", "name the server itself")


# who works, and what waits


def test_nobody_is_at_work(find: Examine, db: psycopg.Connection) -> None:
    assert_one(find(instances.CHECK), Level.WARNING, "no instance is at work", "systemctl start catalogd")
    batch(db, [1])
    assert_one(find(instances.CHECK), Level.WRONG, "and 1 batch waits", "systemctl start catalogd")


def test_instances_of_several_versions_and_deaf_ones(
    find: Examine, database: Database, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(instances, "__version__", "2")

    @contextmanager
    def session(name: str) -> Iterator[None]:
        with psycopg.connect(database.dsn, application_name=f"catalogd {name}"):
            yield

    with session("a:1:x:2 listener"):
        assert_one(find(instances.CHECK), Level.OK, "1 instance of catalogd 2")
        with session("b:1:y:2"):
            assert_one(find(instances.CHECK), Level.WARNING, "b:1:y:2 does not listen", "journal")
        with session("b:1:y:1 listener"):
            assert_one(find(instances.CHECK), Level.WARNING, "catalogd 1, 2 are at work", "upgrade each")


def test_what_waits_for_long_and_what_fails(find: Examine, db: psycopg.Connection) -> None:
    waiting = batch(db, [1])
    db.execute("UPDATE categorization_batches SET created_at = now() - interval '2 hours'")
    db.execute(
        "INSERT INTO catalogd_duties (name, due_at, failures, error) VALUES ('a', now(), 2, 'disk full'),"
        " ('b', now() - interval '1 day', 0, NULL)"
    )
    found = find(work.CHECK)
    assert [finding.level for finding in found] == [Level.WARNING] * 3
    assert "the longest for 2 h" in found[0].says
    assert f"catalogd tail {waiting}" in found[0].remedy
    assert found[1].says == "duty a failed 2 times: disk full"
    assert found[2].says == "duty b was due 1 day ago"


def test_batches_of_a_kind_that_no_instance_does(find: Examine, database: Database, db: psycopg.Connection) -> None:
    """Told within seconds of their insert, but not of those that somebody takes care of."""
    supplier_id = supplier(db)
    for _ in range(2):
        order(db, supplier_id, "list.csv", created_at=datetime.now(UTC) - timedelta(seconds=10))
    assert_one(find(work.CHECK), Level.OK, "no batch waits for long")  # that nobody is at work another check tells
    with psycopg.connect(database.dsn, application_name="catalogd a:1:x:9 listener"):
        says = "nobody works on 2 open batches of price-lists, although an instance is at work"
        assert_one(find(work.CHECK), Level.WARNING, says, "CATALOGD_WORKLOADS names it, or is not set")
        db.execute(
            "INSERT INTO batch_preparations (workload, batch_id, run_after)"
            " SELECT 'price-lists', id, now() + interval '1 min' FROM supplier_imports"
        )
        assert_one(find(work.CHECK), Level.OK, "no batch waits for long")


def test_most_items_in_error(find: Examine, db: psycopg.Connection) -> None:
    batch(db, [1], status="completed", total_products=10, processed_products=10, success_products=10)
    assert_one(find(work.CHECK), Level.OK, "most items are treated")
    worst = batch(db, [1], status="completed", total_products=20_001, processed_products=20_001, error_products=20_001)
    says = "of 20,011 items of the last batches of categorization 20,001 were in error"
    assert_one(find(work.CHECK), Level.WARNING, says, f"catalogd errors {worst}")


# the shop, the model


def test_views_that_do_not_fit(find: Examine, db: psycopg.Connection) -> None:
    assert_one(find(views.CHECK), Level.WRONG, "catalogd_categories is empty", "fill it")
    db.execute("INSERT INTO categories VALUES ('pipes', 'Pipes', 'Tools > Pipes')")
    assert_one(find(views.CHECK), Level.WARNING, "catalogd_products is empty", "fill it")
    shop(db, products=3, labelled=3)
    assert_one(find(views.CHECK), Level.OK, "2 categories")
    db.execute("UPDATE products SET category_code = 'gone'")
    assert_one(find(views.CHECK), Level.WARNING, "not there: gone", "catalogd_categories")
    db.execute("DROP VIEW catalogd_products CASCADE")
    assert_one(find(views.CHECK), Level.WRONG, "there is no view catalogd_products", "catalogd migrate")
    db.execute("CREATE VIEW catalogd_products AS SELECT 1 AS product_id, 'x' AS sku")
    assert_one(find(views.CHECK), Level.WRONG, "lacks attributes, category_code", "create it anew")
    columns = (
        "'' AS sku, 3 AS name, '' AS manufacturer, '' AS part_number, '' AS description, '{}'::jsonb AS attributes"
    )
    db.execute("DROP VIEW catalogd_products")
    db.execute(f"CREATE VIEW catalogd_products AS SELECT 1 AS product_id, {columns}, '' AS category_code")
    assert_one(find(views.CHECK), Level.WRONG, "catalogd_products.name is not a text", "with a cast")


def test_a_model_that_is_missing_old_or_unreadable(find: Examine, db: psycopg.Connection) -> None:
    assert_one(find(model.CHECK), Level.WARNING, "nothing was learned yet", "catalogd learn")
    db.execute(
        "INSERT INTO categorization_models (products, categories, report, content, promoted_at)"
        " VALUES (5, 2, '{}', convert_to(E'catalogd model 2\\n', 'UTF8'), now())"
    )
    assert_one(find(model.CHECK), Level.OK, "of 5 products in 2 categories")
    db.execute("UPDATE categorization_models SET learned_at = now() - interval '100 days'")
    assert_one(find(model.CHECK), Level.WARNING, "learned 100 days ago", "catalogd learn")
    db.execute("UPDATE categorization_models SET content = 'x'")
    assert_one(find(model.CHECK), Level.WRONG, "is not read: batches wait", "catalogd learn")


# the server


def test_a_table_that_is_not_vacuumed(find: Examine, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    db.execute("ALTER TABLE batch_slices SET (autovacuum_enabled = off)")
    finding = assert_one(find(vacuum.CHECK), Level.WRONG, "switched off for batch_slices", "RESET (autovacuum_enabled)")
    db.execute(finding.remedy.encode())
    assert_one(find(vacuum.CHECK), Level.OK, "has not fallen behind")
    monkeypatch.setattr(vacuum, "MANY_DEAD", 3)
    db.execute(
        "INSERT INTO batch_slices (workload, batch_id, turn, items)"
        " SELECT 'x', i, 1, '{1}' FROM generate_series(1, 9) AS i"
    )
    db.execute("DELETE FROM batch_slices")
    db.execute("SELECT pg_stat_force_next_flush()")
    finding = assert_one(find(vacuum.CHECK), Level.WARNING, "batch_slices has 9 dead rows", "VACUUM batch_slices")
    db.execute(finding.remedy.split(";")[0].encode())
    db.execute("SELECT pg_stat_force_next_flush()")
    assert_one(find(vacuum.CHECK), Level.OK, "")
    monkeypatch.setattr(vacuum, "OLD_XIDS", 0)
    assert_one(find(vacuum.CHECK), Level.WARNING, "since the oldest row was frozen", "VACUUM (FREEZE)")


def test_transactions_that_hold_vacuum_back(
    find: Examine, database: Database, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_one(find(transactions.CHECK), Level.OK, "none is open")
    monkeypatch.setattr(transactions, "LONG_S", 0)
    with psycopg.connect(database.dsn, application_name="php\x07") as idle:
        idle.execute("SELECT 1")
        finding = assert_one(find(transactions.CHECK), Level.WARNING, "and idle", "SELECT pg_terminate_backend(")
        db.execute(finding.remedy.partition("or: ")[2].encode())
        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")


def test_transactions_that_this_role_may_not_see(find: Examine, database: Database, db: psycopg.Connection) -> None:
    give_rights(database)
    dsn = make_conninfo(database.dsn, user=OPERATOR)
    remedy = f"GRANT pg_read_all_stats TO {OPERATOR}"
    assert_one(find(transactions.CHECK, dsn), Level.SKIPPED, f"role {OPERATOR} may not see", remedy)
    db.execute(remedy.encode())
    try:
        assert_one(find(transactions.CHECK, dsn), Level.OK, "none is open")
    finally:
        db.execute(f"REVOKE pg_read_all_stats FROM {OPERATOR}")


def test_prepared_transactions(find: Examine, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's servers allow none: what a server would tell is put in its place."""
    monkeypatch.setattr(transactions, "LONG_S", 5)
    query = b"SELECT 'order''s', 'php', 7200.0::float8 WHERE %(long_s)s < 6 AND %(many_xids)s > 0"
    read = transactions.sql
    monkeypatch.setattr(transactions, "sql", lambda name: query if name == "find_prepared" else read(name))
    assert_one(find(transactions.CHECK), Level.WARNING, "of php is open for 2 h", "ROLLBACK PREPARED")


def test_a_slot_that_nobody_reads(find: Examine, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"slot_{uuid.uuid4().hex[:8]}"
    db.execute("SELECT pg_create_physical_replication_slot(%s, true)", (name,))
    try:
        assert_one(find(slots.CHECK), Level.OK, "none keeps much")
        monkeypatch.setattr(slots, "MUCH_BYTES", -1)
        finding = assert_one(find(slots.CHECK), Level.WARNING, f"slot {name} keeps", "pg_drop_replication_slot")
    finally:
        db.execute(f"SELECT pg_drop_replication_slot('{name}')")
    assert f"SELECT pg_drop_replication_slot('{name}')" in finding.remedy


def test_a_queue_of_notifications_that_fills(
    find: Examine, database: Database, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "FILLING", 1e-9)
    with database.connect() as ear:
        ear.execute("LISTEN x")
        ear.execute("BEGIN")
        db.execute("SELECT count(pg_notify('x', repeat(i::text, 100))) FROM generate_series(1, 2000) AS i")
        assert_one(find(notifications.CHECK), Level.WARNING, "full", "pg_stat_activity")
        monkeypatch.setattr(notifications, "FULL", 1e-9)
        assert_one(find(notifications.CHECK), Level.WRONG, "full", "pg_stat_activity")
        ear.execute("COMMIT")


def test_a_server_that_does_not_wait_for_its_disk(find: Examine) -> None:
    """The suite's do not."""
    assert_one(find(durability.CHECK), Level.WARNING, "fsync and full_page_writes off", "fsync = on")


@pytest.mark.parametrize(("free", "level"), [(50, Level.OK), (5, Level.WARNING), (1, Level.WRONG)])
def test_room_on_the_disk(find: Examine, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    monkeypatch.setattr(disk, "_free", lambda _: (free * 10**8, 10**10))
    found = find(disk.CHECK)
    assert [finding.level for finding in found] == [level, level]
    assert "are free there" in found[0].says
    assert all(("make room" in finding.remedy) == (level is not Level.OK) for finding in found)


def test_a_disk_that_cannot_be_seen_from_here(
    find: Examine, database: Database, environment: pytest.MonkeyPatch
) -> None:
    give_rights(database)
    dsn = make_conninfo(database.dsn, user=OPERATOR)
    found = find(disk.CHECK, dsn)
    assert found[0].level is Level.SKIPPED
    assert "df -h" in found[0].remedy


def test_a_folder_that_may_not_be_written(find: Examine, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(os, "access", lambda *_: False)
    found = find(disk.CHECK)
    assert found[1].level is Level.WARNING
    assert "CATALOGD_PRICE_LIST_FOLDER" in found[1].remedy
