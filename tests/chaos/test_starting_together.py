"""Many instances that start and migrate at once, and one that runs while the schema moves on under it."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.database.schema import checksums, inspect
from tests.chaos.work import Work
from tests.support.database import Database
from tests.support.process import Catalogd
from tests.support.roles import runtime_dsn

ROOT = Path(__file__).parents[2]
TOGETHER = pytest.mark.parametrize("together", [4, pytest.param(10, marks=pytest.mark.chaos)])

pytestmark = [pytest.mark.timeout(600), pytest.mark.one_server]


@TOGETHER
def test_migrations_at_once_leave_one_schema(empty_database: Database, together: int) -> None:
    catalogd = Catalogd(empty_database.dsn)
    with ThreadPoolExecutor(together) as executor:
        results = list(executor.map(lambda _: catalogd("migrate", "--with-stand-in"), range(together)))
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * together
    assert [result.stdout.startswith("applied") for result in results].count(True) == 1
    with empty_database.connect() as db:
        assert inspect(db).is_current
        applied = db.execute("SELECT migration_id FROM _yoyo_migration ORDER BY 1").fetchall()
        assert [name for (name,) in applied] == sorted(checksums())


@TOGETHER
def test_instances_that_start_at_once_share_a_batch(database: Database, together: int) -> None:
    with Work(database, instances=together, products=10_000, CATALOGD_WORKERS="1") as work:
        work.insert()
        work.complete()
        for process in work.processes:
            process.wait_for("listener.connected")
        assert work.events("listener.lost") == work.events("worker.waiting") == []
        work.assert_unharmed()


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """A copy of the program with one migration more."""
    program = tmp_path / "next"
    shutil.copytree(ROOT / "daemon", program / "daemon", ignore=shutil.ignore_patterns("__pycache__"))
    migrations = program / "daemon" / "migrations"
    (migrations / "9999-add-note.sql").write_text(
        "SET LOCAL lock_timeout = '3s';\n"
        "ALTER TABLE categorization_batches ADD COLUMN IF NOT EXISTS note text NOT NULL DEFAULT '';\n"
        "ALTER TABLE batch_slices ADD COLUMN IF NOT EXISTS note text NOT NULL DEFAULT '';\n"
        "ALTER TABLE predictions ADD COLUMN IF NOT EXISTS note text;\n",
        encoding="ascii",
    )
    (migrations / "9999-add-note.rollback.sql").write_text(
        "ALTER TABLE categorization_batches DROP COLUMN IF EXISTS note;\n", encoding="ascii"
    )
    return program


def test_an_instance_goes_on_while_the_next_version_migrates(database: Database, next_version: Path) -> None:
    """It works on; at its next start it refuses and says what to do. The next version takes over meanwhile."""
    environment = {"PYTHONPATH": str(next_version), "PYTHONSAFEPATH": "1"}
    migrator, newer = Catalogd(database.dsn, **environment), Catalogd(runtime_dsn(database), **environment)
    with Work(database, products=3_000) as work, ThreadPoolExecutor(1) as executor:
        work.insert()
        work.wait_for_progress()
        migrating = executor.submit(migrator, "migrate")
        while not migrating.done():
            work.insert(work.product_ids[:700])
            work.wait_for_progress()
        migrated = migrating.result()
        assert (migrated.returncode, migrated.stdout) == (0, "applied 9999-add-note\n"), migrated.stderr
        work.insert()
        successor = newer.start()
        work.complete()
        refused = Catalogd(runtime_dsn(database))("run")
        assert refused.returncode == 78
        assert "newer than this catalogd" in refused.stderr
        assert "9999-add-note" in refused.stderr
        assert successor.stop() == 0
        newer.close()
        told = {event["sqlstate"] for event in work.events("worker.waiting")}
        assert told <= {"55P03"}  # the migration held a table for a moment
        work.assert_unharmed()
