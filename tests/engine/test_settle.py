"""Locking and settling: results, counters, errors and the slice's end are one commit."""

from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon.engine.queue import Queue, Timing
from daemon.engine.workload import Item, Outcome
from tests.support.database import Database
from tests.support.engine import AT_ONCE, claim, make_queue, slices, treat
from tests.support.factories import age_claims, batch, errors_of, read_batch, shop
from tests.support.roles import RUNTIME, give_rights
from tests.support.waiting import wait_until, wait_until_idle


def planned(db: psycopg.Connection, products: int, slice_size: int, timing: Timing | None = None) -> tuple[Queue, int]:
    queue = make_queue(slice_size, timing)
    batch_id = batch(db, shop(db, products=products))
    queue.plan(db)
    return queue, batch_id


def counters(db: psycopg.Connection, batch_id: int) -> tuple[int, int, int, int]:
    row = read_batch(db, batch_id)
    return tuple(row[f"{name}_products"] for name in ("total", "processed", "success", "error"))  # type: ignore[return-value]


@pytest.mark.parametrize("spoil", ["missing", "twice", "foreign", "other batch"])
def test_anything_but_one_outcome_per_item_is_refused(db: psycopg.Connection, spoil: str) -> None:
    queue, batch_id = planned(db, 2, 2)
    one, two = Outcome.done(Item(batch_id, 1)), Outcome.done(Item(batch_id, 2))
    outcomes = {
        "missing": [one],
        "twice": [one, two, two],
        "foreign": [one, Outcome.done(Item(batch_id, 3))],
        "other batch": [one, Outcome.done(Item(batch_id + 1, 2))],
    }[spoil]
    taken = claim(db, queue)
    with db.transaction():
        locked = queue.lock(db, taken)
        with pytest.raises(ValueError, match="exactly one outcome"):
            queue.settle(db, locked, outcomes)
    assert counters(db, batch_id) == (2, 0, 0, 0)


def test_each_slice_counts_and_the_last_completes(db: psycopg.Connection) -> None:
    queue, batch_id = planned(db, 3, 2)
    with db.transaction():
        assert treat(db, queue, claim(db, queue)) == []
    assert counters(db, batch_id) == (3, 2, 2, 0)
    assert read_batch(db, batch_id)["status"] == "processing"
    with db.transaction():
        (completed,) = treat(db, queue, claim(db, queue))
    assert (completed.id, completed.items, completed.success) == (batch_id, 3, 3)
    row = read_batch(db, batch_id)
    assert row["status"] == "completed"
    assert row["completed_at"] >= row["started_at"]
    assert slices(db) == []
    actions = db.execute("SELECT action FROM audit_log ORDER BY id").fetchall()
    assert actions == [("planned",), ("completed",)]


def test_failed_items_are_recorded_and_do_not_fail_the_batch(db: psycopg.Connection) -> None:
    queue = make_queue()
    batch_id = batch(db, [*shop(db, products=1), 98, 99])
    queue.plan(db)
    with db.transaction():
        (completed,) = treat(db, queue, claim(db, queue))
    assert (completed.status, completed.success, completed.errors) == ("completed", 1, 2)
    assert errors_of(db, batch_id) == [("98", "unknown_product"), ("99", "unknown_product")]


def test_a_reason_that_the_server_cannot_store_is_mended(db: psycopg.Connection) -> None:
    queue, batch_id = planned(db, 1, 1)
    taken = claim(db, queue)
    with db.transaction():
        locked = queue.lock(db, taken)
        queue.settle(db, locked, [Outcome.failed(Item(batch_id, 1), "odd", "a\0b \ud83d c")])
    assert db.execute("SELECT message FROM categorization_errors").fetchone() == ("a\ufffdb ? c",)


def test_slices_of_several_batches_settle_together(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=3)
    queue = make_queue()
    batch_ids = [batch(db, [product_id]) for product_id in product_ids]
    queue.plan(db)
    with db.transaction():
        completed = treat(db, queue, claim(db, queue))
    assert [one.id for one in completed] == batch_ids


def test_the_slices_of_a_cancelled_batch_are_dropped_untreated(db: psycopg.Connection) -> None:
    queue, batch_id = planned(db, 6, 2)
    taken = claim(db, queue)
    assert queue.cancel(db, batch_id)
    with db.transaction():
        assert queue.lock(db, taken) == []
    assert slices(db) == []
    assert counters(db, batch_id) == (6, 0, 0, 0)


def test_a_cancelled_batch_leaves_to_others_what_they_hold(db: psycopg.Connection, database: Database) -> None:
    queue, batch_id = planned(db, 3, 1)
    with database.connect() as other:
        theirs, mine = claim(other, queue, "other"), claim(db, queue, "me")
        with other.transaction():
            assert len(queue.lock(other, theirs)) == 1
            queue.cancel(db, batch_id)
            with db.transaction():
                assert queue.lock(db, mine) == []
            assert slices(db) == [[1]]
    assert slices(db) == [[1]]


def test_the_slices_of_a_deleted_batch_vanish(db: psycopg.Connection) -> None:
    queue, _ = planned(db, 4, 2)
    db.execute("DELETE FROM categorization_batches")
    taken = claim(db, queue)
    with db.transaction():
        assert queue.lock(db, taken) == []
    assert slices(db) == []
    assert not queue.backlog(db).is_open


def test_a_zombie_whose_claim_was_taken_finds_nothing_to_lock(db: psycopg.Connection) -> None:
    queue, batch_id = planned(db, 1, 1, AT_ONCE)
    lost = claim(db, queue, "zombie")
    heirs = claim(db, queue, "heir")
    with db.transaction():
        assert queue.lock(db, lost) == []
        assert len(queue.lock(db, heirs)) == 1
    assert counters(db, batch_id) == (1, 0, 0, 0)


def test_splitting_gives_each_item_a_slice_that_goes_alone(db: psycopg.Connection) -> None:
    queue, _ = planned(db, 3, 3)
    taken = claim(db, queue)
    with db.transaction():
        (locked,) = queue.lock(db, taken)
        queue.split(db, locked)
    assert slices(db) == [[1], [2], [3]]
    assert [len(claim(db, queue).slices) for _ in range(3)] == [1, 1, 1]


def test_what_is_split_keeps_its_place_in_the_queue(db: psycopg.Connection) -> None:
    queue = make_queue(slice_size=2)
    batch(db, shop(db, products=4), priority=7)
    queue.plan(db)
    claim(db, queue)
    taken = claim(db, queue)
    with db.transaction():
        (locked,) = queue.lock(db, taken)
        queue.split(db, locked)
    assert slices(db, "items, priority, turn") == [([1, 2], 7, 0), ([3], 7, 1), ([4], 7, 1)]


def test_orders_are_given_only_where_they_make_sense(db: psycopg.Connection) -> None:
    queue, batch_id = planned(db, 1, 1)
    assert not queue.retry(db, batch_id)
    assert queue.cancel(db, batch_id)
    assert not queue.cancel(db, batch_id)
    assert queue.retry(db, batch_id)
    assert not queue.retry(db, 12345)
    rows = db.execute("SELECT action, actor_type FROM audit_log ORDER BY id").fetchall()
    assert rows == [("planned", "daemon"), ("cancelled", "operator"), ("retried", "operator")]
    assert read_batch(db, batch_id)["retry_count"] == 1


@pytest.mark.parametrize("other", ["psql", "catalogd here:1:abc migration lock"])
def test_a_session_frozen_inside_a_copy_is_ended_and_its_slice_is_free(
    db: psycopg.Connection, database: Database, other: str
) -> None:
    queue, _ = planned(db, 1, 1, Timing(frozen=timedelta(milliseconds=50)))
    frozen = psycopg.connect(database.dsn, application_name="catalogd elsewhere")
    taken = claim(frozen, queue)
    frozen.commit()
    age_claims(db)
    queue.lock(frozen, taken)
    frozen.pgconn.send_query(b"COPY users FROM STDIN")
    in_copy = (
        "SELECT true FROM pg_stat_activity WHERE wait_event = 'ClientRead' AND query ~ '^COPY'"
        " AND state_change < now() - interval '60 ms'"
    )
    wait_until(lambda: db.execute(in_copy).fetchone())
    assert queue.claim(db, "alive") is None
    with database.connect() as stranger, stranger.transaction():
        stranger.execute("SELECT set_config('application_name', %s, false)", (other,))
        stranger.execute("SELECT 1")  # idle in a transaction too, but no worker's
        wait_until_idle(db, stranger)
        idle = "SELECT state_change < clock_timestamp() - interval '60 ms' FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: db.execute(idle, (stranger.info.backend_pid,)).fetchone() == (True,))
        (ended,) = queue.end_frozen(db)
        stranger.execute("SELECT 1")
    assert (ended.pid, ended.application_name, ended.ended) == (frozen.info.backend_pid, "catalogd elsewhere", True)
    wait_until(lambda: queue.claim(db, "alive") is not None)
    frozen.close()


def test_only_a_silent_transaction_in_this_database_is_frozen(db: psycopg.Connection, database: Database) -> None:
    with (
        psycopg.connect(database.dsn, autocommit=True, application_name="catalogd idle") as idle,
        psycopg.connect(database.server.dsn(), application_name="catalogd elsewhere") as elsewhere,
    ):
        for session in (idle, elsewhere):
            session.execute("SELECT 1")
        silent = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('catalogd idle', 'catalogd elsewhere')"
            " AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - interval '60 ms'"
        )
        wait_until(lambda: db.execute(silent).fetchone() == (2,))
        assert make_queue(timing=Timing(frozen=timedelta(milliseconds=50))).end_frozen(db) == []
        idle.execute("BEGIN")
        assert make_queue(timing=Timing(frozen=timedelta(hours=1))).end_frozen(db) == []


def test_a_silent_session_of_another_role_is_not_ours_to_end(db: psycopg.Connection, database: Database) -> None:
    """Not even for one that might: a superuser, or a member of pg_signal_backend."""
    give_rights(database)
    dsn = make_conninfo(database.dsn, user=RUNTIME, application_name="catalogd elsewhere")
    with psycopg.connect(dsn) as theirs:
        theirs.execute("SELECT 1")
        wait_until_idle(db, theirs)
        assert make_queue(timing=Timing(frozen=timedelta(0))).end_frozen(db) == []
        theirs.execute("SELECT 1")


@pytest.mark.parametrize("wrong", [1, 5, 700])
def test_a_total_that_php_changes_while_the_batch_runs_is_put_right(db: psycopg.Connection, wrong: int) -> None:
    queue = make_queue(slice_size=2)
    batch_id = batch(db, shop(db, products=6))
    queue.plan(db)
    completed = []
    for _ in range(3):
        with db.transaction():
            completed += treat(db, queue, claim(db, queue))
        db.execute("UPDATE categorization_batches SET total_products = %s WHERE status = 'processing'", (wrong,))
    row = read_batch(db, batch_id)
    assert (row["status"], row["total_products"], row["processed_products"]) == ("completed", 6, 6)
    assert [batch.items for batch in completed] == [6]
    audited = db.execute("SELECT count(*) FROM audit_log WHERE action = 'completed'").fetchone()
    assert audited == (1,)


def test_a_batch_in_processing_without_slices_is_planned_anew(db: psycopg.Connection) -> None:
    queue = make_queue()
    product_ids = shop(db, products=3)
    by_hand = batch(db, product_ids, status="processing")
    at_work = batch(db, product_ids)
    queue.plan(db)
    assert queue.adopt_orphans(db) == [by_hand]
    assert [planned.id for planned in queue.plan(db)] == [by_hand]
    assert read_batch(db, at_work)["status"] == "processing"
    assert queue.adopt_orphans(db) == []
