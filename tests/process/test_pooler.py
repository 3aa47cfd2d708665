"""Behind a transaction pooler LISTEN succeeds and hears nothing; the work goes on by polling."""

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.pgbouncer import PGBOUNCER, transaction_pooler
from tests.support.process import Catalogd


@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
def test_a_pooler_is_found_out_and_batches_are_treated_by_polling(database: Database, db: psycopg.Connection) -> None:
    product_ids = shop(db, products=300)
    with transaction_pooler(database.dsn) as pooled:
        catalogd = Catalogd(pooled)
        process = catalogd.start("--workers", "6", ready=False)
        try:
            process.wait_for("listener.deaf")
            batch_ids = [batch(db, product_ids) for _ in range(20)]
            for batch_id in batch_ids:
                process.wait_for("batch.completed", batch_id=batch_id)
            assert process.stop() == 0
            assert [event["event"] for event in process.events].count("listener.deaf") == 1
            assert not [event for event in process.events if event["event"] in ("slice.retried", "worker.waiting")]
        finally:
            catalogd.close()
    for batch_id in batch_ids:
        assert_settled(db, batch_id, product_ids)
