"""Signals to the real process: nothing is lost, nothing is used up, in seconds."""

import os
import signal
import socket
from pathlib import Path

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.load import progress
from tests.support.process import Catalogd
from tests.support.waiting import wait_until, wait_until_blocked

pytestmark = pytest.mark.one_server  # its subject is the daemon


def test_sigterm_in_the_middle_of_a_batch_costs_nothing_and_the_next_start_completes_it(
    db: psycopg.Connection, catalogd: Catalogd
) -> None:
    product_ids = shop(db, products=20_000)
    process = catalogd.start()
    batch_id = batch(db, product_ids)
    wait_until(lambda: progress(db, batch_id) > 0)
    process.signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.events[-1]["event"] == "daemon.stopped"
    assert read_batch(db, batch_id)["status"] == "processing"
    left = db.execute("SELECT DISTINCT attempts, claimed_by FROM batch_slices").fetchall()
    assert left == [(0, None)]
    second = catalogd.start()
    second.wait_for("batch.completed", batch_id=batch_id, timeout_s=60)
    assert second.stop() == 0
    assert [e["event"] for e in second.events if e["event"] == "slice.recovered"] == []
    assert_settled(db, batch_id, product_ids)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda signum: signum.name)
def test_a_start_that_hangs_is_ended_by_a_signal_at_once(catalogd: Catalogd, signum: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        process = catalogd.start(
            ready=False, DATABASE_URL=f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/shop"
        )
        connection, _ = silent.accept()
        with connection:
            process.signal(signum)
            assert process.wait(5) == 0
    process.wait_for("daemon.stopping", signal=signum.name)


def test_a_second_signal_rolls_back_a_slice_that_is_stuck(
    db: psycopg.Connection, database: Database, catalogd: Catalogd
) -> None:
    (product_id,) = shop(db, products=1)
    process = catalogd.start(CATALOGD_STOP_SECONDS="300")
    with database.connect() as php, php.transaction():
        php.execute("SELECT FROM products FOR UPDATE")
        batch_id = batch(db, [product_id])
        wait_until_blocked(db, php)
        process.signal(signal.SIGTERM)
        process.wait_for("daemon.stopping", signal="SIGTERM")
        process.signal(signal.SIGTERM)
        assert process.wait(8) == 0
    assert db.execute("SELECT attempts, claimed_by FROM batch_slices").fetchall() == [(0, None)]
    assert db.execute("SELECT count(*) FROM predictions").fetchone() == (0,)
    assert catalogd("run", "--once").returncode == 0
    assert_settled(db, batch_id, [product_id])


def test_a_signal_that_the_kernel_gives_to_another_thread_is_heard(db: psycopg.Connection, catalogd: Catalogd) -> None:
    process = catalogd.start()
    batch(db, shop(db, products=1))
    process.wait_for("batch.completed")  # by now the main thread is at rest
    threads = {int(task.name) for task in Path(f"/proc/{process.popen.pid}/task").iterdir()}
    os.kill(max(threads - {process.popen.pid}), signal.SIGTERM)  # that thread takes it, and the whole process is meant
    assert process.wait(10) == 0
    assert process.events[-1]["event"] == "daemon.stopped"
