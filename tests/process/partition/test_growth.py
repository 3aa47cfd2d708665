"""Partitions are made ahead of the ids, between the slices of a daemon at work."""

import psycopg
import pytest

from daemon.workloads.categorization.partitioning.partition import Partition
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.load import progress
from tests.support.partitions import YEAR, bounds, counts, partition, predict, told, value
from tests.support.process import Catalogd
from tests.support.waiting import wait_until


def test_partitions_are_made_ahead_and_their_pending_ones_indexed(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=900)
    partition(catalogd)
    predict(catalogd, db, product_ids, times=3)
    events = partition(catalogd)
    assert [e["partition"] for e in events if e["event"] == "partition.created"] == [
        "predictions_from_3000",
        "predictions_from_4000",
    ]
    assert [e["partition"] for e in events if e["event"] == "partition.indexed"] == ["predictions_from_0"]
    assert bounds(db)[-1] == (5000, None)
    assert counts(db)[0][0] == 1999
    assert counts(db)[-1] == (0, 0)
    plan = "\n".join(
        line
        for (line,) in db.execute(
            "EXPLAIN SELECT FROM predictions WHERE product_id = 1 AND (status = 'pending') IS TRUE"
        )
    )
    assert "predictions_from_0_waiting" in plan


@pytest.mark.one_server
def test_inserts_find_their_place_when_nobody_ran_it_for_long(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=1800)
    partition(catalogd)
    first, second = predict(catalogd, db, product_ids, times=2)
    referring = value(
        db, "INSERT INTO akeneo_workflow (product_id, prediction_id) SELECT 1, max(id) FROM predictions RETURNING id"
    )
    assert counts(db)[-1][0] == 601  # beyond the last range
    events = partition(catalogd)
    assert [(e["lower"], e["upper"]) for e in events if e["event"] == "partition.created"] == [
        (3000, 5000),
        (5000, 6000),
    ]
    assert bounds(db) == [(None, 2000), (2000, 3000), (3000, 5000), (5000, 6000), (6000, None)]
    assert counts(db)[2][0] == 601
    for batch_id in (first, second):
        assert_settled(db, batch_id, product_ids)
    assert value(db, "SELECT prediction_id FROM akeneo_workflow WHERE id = %s", referring) == 3600
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        db.execute("UPDATE akeneo_workflow SET prediction_id = 99999")
    _, fourth = predict(catalogd, db, product_ids, times=2)
    assert_settled(db, fourth, product_ids)
    assert told(partition(catalogd))[-1] == "partition.done"


@pytest.mark.one_server
def test_while_a_daemon_treats_a_batch(db: psycopg.Connection, catalogd: Catalogd) -> None:
    """The conversion, and then partitions made and detached, between the slices of a batch under way."""
    product_ids = shop(db, products=20_000)
    db.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$"
    )
    db.execute("CREATE TRIGGER dawdle AFTER UPDATE ON products EXECUTE FUNCTION dawdle()")
    process = catalogd.start()
    batch_ids = [batch(db, product_ids), *(batch(db, product_ids[n : n + 3]) for n in range(0, 300, 3))]
    wait_until(lambda: progress(db, batch_ids[0]) > 0)
    partition(catalogd)
    assert read_batch(db, batch_ids[0])["status"] == "processing"
    while read_batch(db, batch_ids[0])["status"] == "processing":
        partition(catalogd, CATALOGD_RETENTION_DAYS=YEAR)
    process.wait_for("batch.completed", count=len(batch_ids))
    for number, batch_id in enumerate(batch_ids):
        assert_settled(db, batch_id, product_ids if not number else product_ids[3 * number - 3 : 3 * number])
    assert len({p for (p,) in db.execute("SELECT tableoid FROM predictions")}) > 3
    assert process.named("item.failed") == process.named("thread.crashed") == []
    assert process.stop() == 0


def test_names_tell_the_bounds() -> None:
    assert Partition.between(None, 2000).tables == ("predictions_from_0", "evidence_from_0")
    assert Partition.between(3000, None).tables == ("predictions_rest", "evidence_rest")
