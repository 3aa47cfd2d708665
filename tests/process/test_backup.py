"""A dump that is made while batches are under way is restored elsewhere, and the work goes on from there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.database.schema import SchemaState, inspect
from tests.chaos.observer import assert_all_settled
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.process import Catalogd
from tests.support.roles import give_rights, runtime_dsn
from tests.support.server import PrivateServer

pytestmark = pytest.mark.one_server

PRODUCTS = 6_000


@pytest.fixture
def restored(server: PrivateServer) -> Iterator[Database]:
    """An empty database beside the other."""
    database = Database.create(server)
    yield database
    database.drop()


@pytest.mark.parametrize("is_left_out", [False, True], ids=["with its slices", "without its slices"])
def test_what_is_restored_goes_on(
    database: Database, restored: Database, catalogd: Catalogd, tmp_path: Path, is_left_out: bool
) -> None:
    """The dump is of one moment: what was committed by then is there, the rest is done. Slices are only how a batch
    is cut: one that has none is cut anew."""
    with database.connect() as db:
        product_ids = shop(db, PRODUCTS)
        process = catalogd.start(CATALOGD_LOG_LEVEL="debug", CATALOGD_WORKERS="1")
        batch_id = batch(db, product_ids)
        waiting_id = batch(db, product_ids[:50])
        process.wait_for("slice.settled")
    dump = tmp_path / "shop.dump"
    left_out = ["--exclude-table-data=batch_slices"] if is_left_out else []
    run(database, "pg_dump", "--format=custom", "--file", dump, *left_out, database.dsn)
    assert process.stop() == 0

    run(database, "pg_restore", "--exit-on-error", "--dbname", restored.dsn, dump)
    give_rights(restored)
    with restored.connect() as db:
        before = read_batch(db, batch_id)
        assert before["status"] == "processing", "the batch was too small to be dumped under way"
        result = Catalogd(restored.dsn, daemon_dsn=runtime_dsn(restored))("run", "--once")
        assert result.returncode == 0, result.stderr
        assert_settled(db, batch_id, product_ids)
        assert_settled(db, waiting_id, product_ids[:50])
        assert_all_settled(db)
        assert before["processed_products"] < PRODUCTS


def test_a_partitioned_database_is_restored_as_it_was(
    database: Database, restored: Database, catalogd: Catalogd, tmp_path: Path
) -> None:
    assert catalogd("partition").returncode == 0
    dump = tmp_path / "shop.dump"
    run(database, "pg_dump", "--format=custom", "--file", dump, database.dsn)
    run(database, "pg_restore", "--exit-on-error", "--dbname", restored.dsn, dump)
    with restored.connect() as db:
        assert inspect(db) == SchemaState(missing=(), unknown=(), edited=())


def run(database: Database, program: str, *arguments: str | Path) -> None:
    """A program of the same version as the server."""
    subprocess.run([database.server.binaries.bin_dir / program, *arguments], check=True, capture_output=True)
