"""The whole path: PHP inserts a row, the daemon does the rest."""

import signal

import psycopg

from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd


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


def test_sigint_is_a_clean_stop_too(db: psycopg.Connection, catalogd: Catalogd) -> None:
    process = catalogd.start()
    process.signal(signal.SIGINT)
    assert process.wait() == 0
    assert process.events[-1]["event"] == "daemon.stopped"
