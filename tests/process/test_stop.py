"""Signals to the real process: nothing is lost, nothing is used up, in seconds."""

import signal

import psycopg

from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.load import progress
from tests.support.process import Catalogd
from tests.support.waiting import wait_until, wait_until_blocked


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
