"""Bad days: killed peers, frozen peers, a server that goes away. Each result exists exactly once."""

import signal
from collections.abc import Iterator

import psycopg
import pytest

from tests.chaos.observer import Observer
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.load import progress
from tests.support.process import Catalogd
from tests.support.server import PrivateServer, private_server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the daemon


def test_a_killed_instance_is_replaced_by_its_peer(
    db: psycopg.Connection, database: Database, catalogd: Catalogd
) -> None:
    product_ids = shop(db, products=12_000)
    victim, peer = catalogd.start(), catalogd.start()
    batch_id = batch(db, product_ids)
    with Observer(database.connect, batch_id) as observer:
        wait_until(lambda: progress(db, batch_id) > 0)
        victim.signal(signal.SIGKILL)
        peer.wait_for("batch.completed", batch_id=batch_id, timeout_s=60)
    assert victim.wait() == -signal.SIGKILL
    assert_settled(db, batch_id, product_ids)
    observer.assert_seen_at_work(batch_id)
    assert peer.stop() == 0


def test_counters_are_true_at_every_moment_while_two_instances_work(
    db: psycopg.Connection, database: Database, catalogd: Catalogd
) -> None:
    product_ids = shop(db, products=12_000)
    processes = [catalogd.start(), catalogd.start()]
    batch_id = batch(db, [*product_ids, 10**9, "x"])
    with Observer(database.connect, batch_id) as observer:
        wait_until(lambda: read_batch(db, batch_id)["status"] == "completed", timeout_s=60)
    observer.assert_seen_at_work(batch_id)
    assert_settled(db, batch_id, product_ids, errors=2)
    assert [process.stop() for process in processes] == [0, 0]
    completed = [e for process in processes for e in process.events if e["event"] == "batch.completed"]
    assert len(completed) == 1


def test_ten_tiny_batches_behind_a_big_one_complete_before_it(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=20_000)
    process = catalogd.start()
    big = batch(db, product_ids)
    process.wait_for("batch.planned", batch_id=big)
    tiny = [batch(db, product_ids[number : number + 3]) for number in range(10)]
    for batch_id in tiny:
        process.wait_for("batch.completed", batch_id=batch_id)
    assert read_batch(db, big)["processed_products"] < 15_000
    process.wait_for("batch.completed", batch_id=big, timeout_s=60)
    order = [e["batch_id"] for e in process.events if e["event"] == "batch.completed"]
    assert order[-1] == big
    assert sorted(order[:-1]) == tiny
    assert process.stop() == 0


@pytest.fixture
def own_server(server: PrivateServer) -> Iterator[PrivateServer]:
    """A server that the test may stop, of the same version as the shared one."""
    with private_server(server.binaries) as own:
        yield own


def test_a_stop_does_not_wait_for_a_server_that_is_away(own_server: PrivateServer) -> None:
    shop_database = Database.create(own_server, "shop").migrated()
    with shop_database.connect() as db:
        batch(db, shop(db, products=3))
    runner = Catalogd(shop_database.dsn)
    process = runner.start(CATALOGD_POLL_SECONDS="0.2")
    try:
        process.wait_for("batch.completed")
        own_server.stop()
        process.wait_for("worker.waiting")
        process.signal(signal.SIGTERM)
        assert process.wait(12) == 0
    finally:
        runner.close()
