"""The whole path: PHP inserts a row, the daemon does the rest."""

import json
import os
import signal
import socket
import subprocess
import sys
from tempfile import TemporaryDirectory

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.process import Catalogd
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the daemon


def test_a_batch_inserted_while_the_daemon_listens_is_completed(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=60, labelled=40)
    assert catalogd("learn").returncode == 0
    process = catalogd.start()
    batch_id = batch(db, product_ids[40:], created_by=7)
    done = process.wait_for("batch.completed", batch_id=batch_id)
    assert (done["items"], done["success"], done["errors"]) == (20, 20, 0)
    assert_settled(db, batch_id, product_ids[40:])
    right = db.execute(
        "SELECT count(*) FROM predictions WHERE suggested_category_code ="
        " CASE product_id % 2 WHEN 0 THEN 'hammers' ELSE 'pipes' END"
    ).fetchone()
    assert right == (20,)
    assert db.execute("SELECT DISTINCT status FROM products WHERE id > 40").fetchall() == [("predicted",)]
    assert process.stop() == 0


def test_once_treats_what_is_open_and_exits_0(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=1200)
    batch_ids = [batch(db, product_ids), batch(db, product_ids[:3]), batch(db, [])]
    result = catalogd("run", "--once")
    assert result.returncode == 0, result.stdout
    for batch_id, items in zip(batch_ids, [product_ids, product_ids[:3], []], strict=True):
        assert_settled(db, batch_id, items)


def test_what_is_planned_for_small_tables_is_right_for_grown_ones(db: psycopg.Connection, catalogd: Catalogd) -> None:
    """A shop's first batches are tiny; the checks of foreign keys keep the plan that they were given then."""
    product_ids = shop(db, products=2000)
    db.execute("VACUUM ANALYZE")
    db.execute("ALTER TABLE predictions SET (autovacuum_enabled = off)")  # an ANALYZE would have them planned anew
    process = catalogd.start(CATALOGD_WORKERS="1")
    for product_id in product_ids[:10]:
        process.wait_for("batch.completed", batch_id=batch(db, [product_id]))
    process.wait_for("batch.completed", batch_id=batch(db, product_ids))
    assert process.stop() == 0
    read = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'predictions'"
    assert db.execute(read).fetchone() == (0,)


def test_systemd_is_told_that_it_is_ready_and_then_that_it_lives(database: Database, catalogd: Catalogd) -> None:
    with TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"{directory}/notify")
        systemd.settimeout(20)
        process = catalogd.start(NOTIFY_SOCKET=f"{directory}/notify", CATALOGD_FROZEN_SECONDS="1")
        assert systemd.recv(4096).startswith(b"READY=1\nSTATUS=3 workers; at rest")
        assert [systemd.recv(4096) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        process.signal(signal.SIGTERM)
        while not systemd.recv(4096).startswith(b"STOPPING=1\nEXTEND_TIMEOUT_USEC="):
            pass
        assert process.wait() == 0


def test_sigint_is_a_clean_stop_too(db: psycopg.Connection, catalogd: Catalogd) -> None:
    process = catalogd.start()
    process.signal(signal.SIGINT)
    assert process.wait() == 0
    assert process.events[-1]["event"] == "daemon.stopped"


def test_a_batch_put_into_processing_by_hand_ends_too(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=5)
    batch_id = batch(db, product_ids, status="processing")
    assert catalogd("run", "--once").returncode == 0
    assert_settled(db, batch_id, product_ids)


def test_a_log_whose_reader_has_gone_does_not_stop_the_work(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=5)
    read_end, write_end = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "daemon", "run"], env=catalogd.environment, stdout=write_end
    ) as process:
        os.close(write_end)
        with os.fdopen(read_end) as log:
            assert any("listener.connected" in line for line in log)
        batch_ids = [batch(db, product_ids) for _ in range(3)]
        for batch_id in batch_ids:
            wait_until(lambda: read_batch(db, batch_id)["status"] == "completed")  # noqa: B023
        process.terminate()
        assert process.wait(20) == 0


def test_an_unreadable_model_pauses_the_work_and_blames_no_product(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=4, labelled=2)
    db.execute(
        "INSERT INTO categorization_models (products, categories, report, content) VALUES (1, 1, '{}', 'broken')"
    )
    process = catalogd.start()
    batch_ids = [batch(db, [product_id]) for product_id in product_ids]
    paused = process.wait_for("workload.paused")
    assert "run: catalogd learn" in paused["error"]
    assert catalogd("learn").returncode == 0
    for batch_id, product_id in zip(batch_ids, product_ids, strict=True):
        process.wait_for("batch.completed", batch_id=batch_id, errors=0)
        assert_settled(db, batch_id, [product_id])
    assert process.stop() == 0


def test_a_database_that_is_away_at_start_is_told_and_exits_1(catalogd: Catalogd) -> None:
    result = catalogd("run", DATABASE_URL="postgresql://nobody@127.0.0.1:1/shop")
    assert result.returncode == 1
    event = json.loads(result.stdout.splitlines()[-1])
    assert (event["event"], event["error_type"]) == ("daemon.refused", "OperationalError")
    assert "cannot be reached" in result.stderr
