"""Every competitor writes the same rows, and what does not is found out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.shop import Shop
from bench.speed import bounds, growth, instance, naive
from bench.speed.arena import Wrong, ids, open_batch, verify
from bench.speed.ours import read_starts
from bench.speed.work import treat, trivial_decision
from tests.support import factories
from tests.support.database import Database
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject are the measurements

ROWS = """
    SELECT prediction.product_id, suggested_category_code, suggested_category_label, confidence_score,
           confidence_level, prediction.status,
           (SELECT array_agg((source_type, source_label, evidence_value, weight)::text ORDER BY id)
            FROM evidence WHERE prediction_id = prediction.id),
           product.status
    FROM predictions AS prediction
    JOIN products AS product ON product.id = prediction.product_id
    ORDER BY prediction.product_id"""


@pytest.fixture
def small_shop(database: Database) -> Iterator[Shop]:
    """Eight products; the competitors treat all but the first two."""
    shop = Shop(database.dsn)
    factories.shop(shop.db, products=8)
    yield shop
    shop.db.close()


def rows_of(shop: Shop) -> list[tuple[object, ...]]:
    return shop.db.execute(ROWS).fetchall()


def test_limit_and_naive_script_and_daemon_write_the_same_rows(
    small_shop: Shop, catalogd: Catalogd, tmp_path: Path
) -> None:
    naive.run(small_shop, 6, 2)
    wanted = rows_of(small_shop)
    assert [row[0] for row in wanted] == ids(small_shop, 6, 2)
    forget(small_shop)

    bounds.server_side(small_shop, 6, 2)
    assert rows_of(small_shop) == wanted
    forget(small_shop)

    starts = tmp_path / "starts"
    process = catalogd.start(program=instance.PROGRAM, BENCH_DECISION="trivial", BENCH_STARTS=str(starts))
    batch_id = factories.batch(small_shop.db, ids(small_shop, 6, 2))
    process.wait_for("batch.completed", batch_id=batch_id)
    assert process.stop() == 0
    assert rows_of(small_shop) == wanted
    assert list(read_starts(starts)) == [batch_id]

    bounds.prepare_rows(small_shop, batch_id)
    assert rows_of(small_shop) == []
    bounds.server_side_prepared(small_shop, 6, 2)
    assert rows_of(small_shop) == wanted


@pytest.mark.parametrize("job_size", [1, 6])
def test_a_job_of_a_peer_writes_the_same_rows(small_shop: Shop, job_size: int) -> None:
    """Big jobs of one batch by COPY, jobs of one product each in a batch of its own."""
    naive.run(small_shop, 6, 2)
    wanted = rows_of(small_shop)
    forget(small_shop)
    chosen = ids(small_shop, 6, 2)

    async def treat_all() -> list[int]:
        batch_ids = []
        async with await psycopg.AsyncConnection.connect(small_shop.dsn, autocommit=True) as conn:
            for at in range(0, len(chosen), job_size):
                batch_ids.append(open_batch(small_shop, job_size))
                await treat(conn, batch_ids[-1], chosen[at : at + job_size])
        return batch_ids

    verify(small_shop, asyncio.run(treat_all()), 6, len(trivial_decision().evidence))
    assert rows_of(small_shop) == wanted


def test_old_rows_are_those_that_were_asked_for(small_shop: Shop) -> None:
    growth.fill(small_shop, 60)
    found = small_shop.db.execute(
        "SELECT count(*), count(DISTINCT batch_id), (SELECT count(*) FROM evidence) FROM predictions"
    ).fetchone()
    assert found == (20, 3, 60)


def test_a_shop_grows_again(small_shop: Shop) -> None:
    for wanted in (20, 50, 50):
        small_shop.grow(wanted)
        assert small_shop.db.execute("SELECT count(*) FROM products").fetchone() == (wanted,)


def test_two_connections_pour_the_rows_of_one(small_shop: Shop) -> None:
    found = []
    for connections in (1, 2):
        bounds.poured(small_shop, 6, 2, connections)
        found.append([row[:-1] for row in rows_of(small_shop)])
        forget(small_shop)
    assert found[0] == found[1]
    assert len(found[0]) == 6


def forget(shop: Shop) -> None:
    shop.db.execute("TRUNCATE predictions, evidence, categorization_batches RESTART IDENTITY CASCADE")
    shop.db.execute("UPDATE products SET status = NULL")


@pytest.mark.parametrize(
    "fault",
    [
        "DELETE FROM predictions WHERE id = (SELECT min(id) FROM predictions)",
        "DELETE FROM evidence WHERE id = (SELECT min(id) FROM evidence)",
        "DELETE FROM evidence WHERE prediction_id = (SELECT min(id) FROM predictions)",
        "UPDATE products SET status = NULL WHERE id = (SELECT max(product_id) FROM predictions)",
        "UPDATE categorization_batches SET success_products = 5, error_products = 1",
        "UPDATE categorization_batches SET status = 'processing'",
    ],
)
def test_rows_that_are_not_as_they_should_be_are_no_result(small_shop: Shop, fault: str) -> None:
    naive.run(small_shop, 6, 2)
    batch_id = small_shop.db.execute("SELECT id FROM categorization_batches").fetchone()
    assert batch_id is not None
    evidence = len(trivial_decision().evidence)
    verify(small_shop, [batch_id[0]], 6, evidence)
    small_shop.db.execute(fault)  # type: ignore[call-overload]
    with pytest.raises(Wrong):
        verify(small_shop, [batch_id[0]], 6, evidence)


def test_evidence_of_any_number_is_evidence_but_none_is_not(small_shop: Shop) -> None:
    naive.run(small_shop, 6, 2)
    row = small_shop.db.execute("SELECT id FROM categorization_batches").fetchone()
    assert row is not None
    small_shop.db.execute("DELETE FROM evidence WHERE id = (SELECT min(id) FROM evidence)")
    verify(small_shop, [row[0]], 6)
    small_shop.db.execute("DELETE FROM evidence WHERE prediction_id = (SELECT min(id) FROM predictions)")
    with pytest.raises(Wrong, match="without evidence"):
        verify(small_shop, [row[0]], 6)


def test_a_part_of_the_daemon_that_has_moved_is_missed() -> None:
    with pytest.raises(AttributeError):
        instance.replace(psycopg, "there_is_no_such_name", None)


def test_a_heavy_decision_is_the_trivial_one() -> None:
    light, heavy = (instance.decide_by(name)(None, None, [None] * 3, 90.0) for name in ("trivial", "heavy:10"))  # type: ignore[list-item]
    assert light == heavy == [instance.constant()] * 3
    with pytest.raises(ValueError, match="no such decision"):
        instance.decide_by("light")
