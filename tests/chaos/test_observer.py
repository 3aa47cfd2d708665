"""The observer sees what it is there for: each invariant is broken by hand, and it says so."""

import os
import subprocess
from contextlib import nullcontext

import psycopg
import pytest

from tests.chaos import observer as observer_module
from tests.chaos.observer import Observer, assert_all_settled, distinct_items
from tests.support.database import Database
from tests.support.engine import claim, make_queue, treat
from tests.support.factories import batch, shop
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the observer

BREAKS = {
    "a counter that is not the sum": (
        "UPDATE categorization_batches SET processed_products = processed_products - 1",
        "is not success 3",
    ),
    "a result that is not counted": ("DELETE FROM categorization_errors", "3 predictions and 0 item errors exist"),
    "a counter that shrinks": (
        "UPDATE categorization_batches SET processed_products = 3, error_products = 0, total_products = 3;"
        "DELETE FROM categorization_errors",
        "errors shrank from 1 to 0",
    ),
    "two outcomes": (
        "UPDATE categorization_errors SET code = 'odd', item = '1'",
        "1 items have a prediction and an error",
    ),
    "a prediction without evidence": ("DELETE FROM evidence", "has no evidence"),
    "a lost item": ("UPDATE categorization_batches SET total_products = 5", "completed with 4 of 5"),
    "a change nobody audited": (
        "UPDATE categorization_batches SET status = 'failed'",
        "the audit log's last word completed",
    ),
    "a move that is not allowed": (
        "UPDATE categorization_batches SET status = 'failed';"
        """UPDATE audit_log SET metadata = metadata || '{"to": "failed"}' WHERE action = 'completed'""",
        "moves from processing to failed",
    ),
    "an audit log that is changed": ("DELETE FROM audit_log", "the audit log was changed"),
}


@pytest.fixture
def settled(db: psycopg.Connection) -> int:
    """A completed batch of three products and one entry that is no id."""
    queue = make_queue()
    batch_id = batch(db, [*shop(db, products=3), "x"])
    queue.plan(db)
    with db.transaction():
        treat(db, queue, claim(db, queue))
        db.execute("INSERT INTO evidence (prediction_id) SELECT id FROM predictions")
    return batch_id


@pytest.mark.parametrize("case", BREAKS)
def test_each_broken_invariant_is_seen(db: psycopg.Connection, database: Database, settled: int, case: str) -> None:
    break_it, told = BREAKS[case]
    with pytest.raises(AssertionError, match=told), Observer(database.connect) as observer:  # noqa: PT012
        wait_until(lambda: observer.samples > 0)
        with db.transaction():
            db.execute(break_it)  # type: ignore[arg-type]
        db.execute("UPDATE categorization_batches SET priority = 1")  # what is at rest is not counted again
        seen = observer.samples
        wait_until(lambda: observer.samples > seen + 1)


@pytest.mark.parametrize("crashes", [True, False])
def test_a_plan_may_be_lost_in_a_crash_only(db: psycopg.Connection, database: Database, crashes: bool) -> None:
    batch(db, shop(db, products=3))
    make_queue().plan(db)
    expected = nullcontext() if crashes else pytest.raises(AssertionError, match="the audit log was changed")
    with expected, Observer(database.connect) as observer:
        wait_until(lambda: observer.samples > 0)
        if crashes:
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'observer'")
            wait_until(lambda: observer.interruptions > 0)
        with db.transaction():
            db.execute("DELETE FROM batch_slices")
            db.execute("UPDATE categorization_batches SET status = 'pending', total_products = 0, started_at = NULL")
            db.execute("DELETE FROM audit_log")
        seen = observer.samples
        wait_until(lambda: observer.samples > seen + 1)


def test_nothing_is_told_of_a_batch_in_order(db: psycopg.Connection, database: Database, settled: int) -> None:
    with Observer(database.connect, settled) as observer:
        wait_until(lambda: observer.samples > 3)
    assert_all_settled(db)


def test_the_observer_finds_a_server_again(db: psycopg.Connection, database: Database, settled: int) -> None:
    with Observer(database.connect) as observer:
        wait_until(lambda: observer.samples > 0)
        db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'observer'")
        wait_until(lambda: observer.interruptions > 0)
        seen = observer.samples
        wait_until(lambda: observer.samples > seen)


def test_violations_are_added_to_the_failure_that_ended_the_block(
    db: psycopg.Connection, database: Database, settled: int
) -> None:
    db.execute("DELETE FROM evidence")
    with pytest.raises(ZeroDivisionError) as caught, Observer(database.connect) as observer:  # noqa: PT012
        wait_until(lambda: observer.violations)
        raise ZeroDivisionError
    assert "has no evidence" in caught.value.__notes__[0]


END_BREAKS = {
    "an open batch": (
        "UPDATE categorization_batches SET status = 'processing', completed_at = NULL",
        "is processing",
    ),
    "a lost item": (
        "DELETE FROM predictions WHERE product_id = 2;"
        "UPDATE categorization_batches SET processed_products = 3, success_products = 2, total_products = 3",
        "1 items are lost",
    ),
    "an item that is not in the batch": (
        """UPDATE categorization_batches SET product_ids = '[1, 2, "x"]'""",
        "outcomes of what is not in it",
    ),
    "an outcome that exists twice": (
        "INSERT INTO categorization_errors (batch_id, item, code, message)"
        " SELECT batch_id, item, code, message FROM categorization_errors;"
        "UPDATE categorization_batches SET processed_products = 5, error_products = 2, total_products = 5",
        "several outcomes",
    ),
    "a slice that is left": (
        "INSERT INTO batch_slices (workload, batch_id, turn, items) VALUES ('categorization', 12345, 0, '{1}')",
        "slices are left",
    ),
    "a prediction without evidence": ("DELETE FROM evidence WHERE prediction_id = 1", "1 predictions have no evidence"),
}


@pytest.mark.parametrize("case", END_BREAKS)
def test_an_end_that_is_not_in_order_is_refused(db: psycopg.Connection, settled: int, case: str) -> None:
    break_it, told = END_BREAKS[case]
    assert_all_settled(db)
    with db.transaction():
        db.execute(break_it)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=told):
        assert_all_settled(db)


def test_the_session_of_a_dead_instance_is_found(db: psycopg.Connection, database: Database, settled: int) -> None:
    with psycopg.connect(database.dsn, application_name="catalogd host:1:abc listener"):
        assert_all_settled(db, dead=["host:2:abc"])
        with pytest.raises(AssertionError, match="sessions of dead instances"):
            assert_all_settled(db, dead=["host:1:abc"], bound_s=0.1)


def test_a_session_that_outlives_its_process_is_seen(
    db: psycopg.Connection, database: Database, settled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer_module, "LINGERS_S", 0.05)
    ended = subprocess.Popen(["true"])
    ended.wait()
    with (
        psycopg.connect(database.dsn, application_name=f"catalogd host:{ended.pid}:abc"),
        psycopg.connect(database.dsn, application_name=f"catalogd host:{os.getpid()}:abc listener"),
        pytest.raises(AssertionError, match=rf"^host:{ended.pid}:abc is dead, and has sessions still$"),
        Observer(database.connect) as observer,
    ):
        wait_until(lambda: bool(observer.violations))


def test_a_row_that_somebody_holds_is_found(db: psycopg.Connection, database: Database, settled: int) -> None:
    with database.connect() as holder, holder.transaction():
        holder.execute("SELECT FROM products LIMIT 1 FOR UPDATE")
        with pytest.raises(AssertionError, match="1 rows of products are locked"):
            assert_all_settled(db)


def test_items_are_told_apart_by_the_rules_that_php_is_promised() -> None:
    listed = [1, "1", "01", 1.0, True, None, -1, "x", 2**63, [1], {"id": 1}, 2**63 - 1]
    assert distinct_items(listed) == {
        "1", "1.0", "true", "null", "-1", '"x"', str(2**63), "[1]", '{"id": 1}', str(2**63 - 1),
    }  # fmt: skip
