"""Two sessions at once: one is held in the middle of its transaction, the other comes, and then the first goes on.

Who has to wait is waited for (`interleave`), who must not wait has a lock timeout that would fail the test.
"""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from daemon.engine.backoff import Backoff
from daemon.engine.queue import Claim, Queue, Settled, Timing
from daemon.engine.slice import SliceRunner
from daemon.engine.workload import Item
from daemon.workloads.categorization.workload import Categorization
from tests.support.database import Database
from tests.support.engine import claim, make_queue, make_runner, slices, treat
from tests.support.factories import batch, errors_of, read_batch, shop
from tests.support.waiting import interleave, wait_until, wait_until_blocked
from tests.support.workload import RecordingWorkload

Connect = Callable[[], psycopg.Connection]


@pytest.fixture
def connect(database: Database) -> Iterator[Connect]:
    """Sessions that wait for no lock for long."""
    opened: list[psycopg.Connection] = []

    def connect() -> psycopg.Connection:
        conn = database.connect()
        conn.execute("SET lock_timeout = '30s'")
        opened.append(conn)
        return conn

    yield connect
    for conn in opened:
        conn.close()


def shop_ids(db: psycopg.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM products ORDER BY id")]


@contextmanager
def held(conn: psycopg.Connection, act: Callable[[], object]) -> Iterator[None]:
    """What others see while `act` is done and not committed; they must not wait for it."""
    with conn.transaction():
        act()
        yield


def planned(db: psycopg.Connection, products: int, slice_size: int) -> tuple[Queue, int]:
    queue = make_queue(slice_size)
    batch_id = batch(db, shop(db, products=products))
    queue.plan(db)
    return queue, batch_id


def settled(conn: psycopg.Connection, queue: Queue, claim: Claim) -> list[Settled]:
    """A worker that nothing happens to: locks, treats, settles, commits."""
    with conn.transaction():
        return list(treat(conn, queue, claim))


def give(conn: psycopg.Connection, order: str, batch_id: int) -> Callable[[], object]:
    """PHP's order."""
    query = f"UPDATE categorization_batches SET {order} WHERE id = {batch_id}"  # noqa: S608
    return lambda: conn.execute(query)  # type: ignore[call-overload]


def delete(conn: psycopg.Connection, table: str, id: int) -> Callable[[], object]:
    return lambda: conn.execute(f"DELETE FROM {table} WHERE id = {id}")  # type: ignore[call-overload]  # noqa: S608


def predicted(db: psycopg.Connection, batch_id: int) -> list[int]:
    rows = db.execute("SELECT product_id FROM predictions WHERE batch_id = %s ORDER BY 1", (batch_id,))
    return [row[0] for row in rows]


def finish(db: psycopg.Connection, queue: Queue) -> None:
    """One worker that nothing happens to does all the rest."""
    while queue.backlog(db).is_open:
        queue.plan(db)
        taken = queue.claim(db, "last")
        assert taken is not None
        settled(db, queue, taken)


def counters(db: psycopg.Connection, batch_id: int) -> tuple[int, ...]:
    row = read_batch(db, batch_id)
    return tuple(row[f"{name}_products"] for name in ("total", "processed", "success", "error"))


def actions(db: psycopg.Connection, batch_id: int) -> list[str]:
    rows = db.execute("SELECT action FROM audit_log WHERE entity_id = %s ORDER BY id", (batch_id,))
    return [row[0] for row in rows]


# Finalising.


def test_of_two_workers_that_finish_at_once_exactly_one_completes(db: psycopg.Connection, connect: Connect) -> None:
    queue, batch_id = planned(db, 2, 1)
    one, other = connect(), connect()
    first, second = claim(one, queue, "one"), claim(other, queue, "other")
    (completed,) = interleave(db, one, lambda: treat(one, queue, first), lambda: settled(other, queue, second))
    assert completed.id == batch_id
    assert counters(db, batch_id) == (2, 2, 2, 0)
    assert actions(db, batch_id) == ["planned", "completed"]


def test_two_workers_that_finish_two_batches_in_opposite_order_do_not_meet(
    db: psycopg.Connection, connect: Connect
) -> None:
    product_ids = shop(db, products=2)
    queue = make_queue(slice_size=1)
    batch_ids = [batch(db, product_ids) for _ in range(2)]
    queue.plan(db)
    names = ["one", "other", "other", "one"]  # the slices in turn: of the first batch, of the second, and again
    taken = [claim(db, queue, name).slices[0] for name in names]
    mine = Claim("one", [taken[0], taken[3]])
    theirs = Claim("other", [taken[1], taken[2]][::-1])
    one, other = connect(), connect()
    completed = interleave(db, one, lambda: treat(one, queue, mine), lambda: settled(other, queue, theirs))
    assert [end.id for end in completed] == batch_ids
    for batch_id in batch_ids:
        assert counters(db, batch_id) == (2, 2, 2, 0)
        assert actions(db, batch_id) == ["planned", "completed"]


@pytest.mark.parametrize("is_cancel_first", [True, False])
def test_cancelling_meets_the_last_slice(db: psycopg.Connection, connect: Connect, is_cancel_first: bool) -> None:
    queue, batch_id = planned(db, 1, 1)
    worker, php = connect(), connect()
    taken = claim(worker, queue)
    order = b"UPDATE categorization_batches SET status = 'cancelled' WHERE status IN ('pending', 'processing')"
    if is_cancel_first:
        completed = interleave(db, php, lambda: php.execute(order), lambda: settled(worker, queue, taken))
        assert completed == []
    else:
        late = interleave(db, worker, lambda: treat(worker, queue, taken), lambda: php.execute(order))
        assert late.rowcount == 0
    # Either way what was committed is counted, and the first word stands.
    assert counters(db, batch_id) == (1, 1, 1, 0)
    assert read_batch(db, batch_id)["status"] == ("cancelled" if is_cancel_first else "completed")
    assert actions(db, batch_id) == ["planned", "cancelled" if is_cancel_first else "completed"]


@pytest.mark.parametrize("is_php_first", [True, False])
def test_what_php_writes_into_the_row_meets_the_last_slice(
    db: psycopg.Connection, connect: Connect, is_php_first: bool
) -> None:
    queue, batch_id = planned(db, 2, 2)
    worker, php = connect(), connect()
    taken = claim(worker, queue)
    write = give(php, "total_products = 700, priority = 3, created_by = 7", batch_id)
    if is_php_first:
        interleave(db, php, write, lambda: settled(worker, queue, taken))
    else:
        interleave(db, worker, lambda: treat(worker, queue, taken), write)
    row = read_batch(db, batch_id)
    assert (row["status"], row["priority"], row["created_by"]) == ("completed", 3, 7)
    assert counters(db, batch_id) == (2 if is_php_first else 700, 2, 2, 0)


def test_a_batch_that_php_completes_while_slices_are_left_is_told_and_audited_by_nobody(
    db: psycopg.Connection, connect: Connect
) -> None:
    queue, batch_id = planned(db, 3, 1)
    worker, php = connect(), connect()
    taken = claim(worker, queue)
    by_hand = give(php, "status = 'completed'", batch_id)
    assert interleave(db, php, by_hand, lambda: settled(worker, queue, taken)) == []
    assert settled(worker, queue, claim(worker, queue)) == []
    assert slices(db) == []
    assert counters(db, batch_id) == (3, 1, 1, 0)
    assert actions(db, batch_id) == ["planned"]


# A batch that is set back while it runs.


@pytest.mark.parametrize("is_retry_first", [True, False])
def test_a_retry_meets_a_slice_that_is_settled(db: psycopg.Connection, connect: Connect, is_retry_first: bool) -> None:
    queue, batch_id = planned(db, 2, 1)
    worker, php = connect(), connect()
    taken = claim(worker, queue)
    retry = give(php, "status = 'pending', retry_count = retry_count + 1", batch_id)
    if is_retry_first:
        interleave(db, php, retry, lambda: settled(worker, queue, taken))
    else:
        interleave(db, worker, lambda: treat(worker, queue, taken), retry)
    assert counters(db, batch_id) == (2, 1, 1, 0)
    (again,) = queue.plan(db)
    assert (again.items, again.success, again.retry_count) == (2, 1, 1)
    finish(db, queue)
    assert counters(db, batch_id) == (2, 2, 2, 0)
    assert actions(db, batch_id) == ["planned", "retried", "planned", "completed"]


def test_a_batch_set_back_waits_for_the_slice_that_a_worker_holds(db: psycopg.Connection, connect: Connect) -> None:
    queue, batch_id = planned(db, 3, 1)
    worker = connect()
    taken = claim(worker, queue)
    with worker.transaction():
        locked = queue.lock(worker, taken)
        give(db, "status = 'pending', retry_count = 1", batch_id)()
        assert queue.plan(db) == []
        assert read_batch(db, batch_id)["status"] == "pending"
        assert slices(db) == [[1]]  # what was free is dropped
        items = [Item(batch_id, 1)]
        (counted,) = queue.settle(worker, locked, RecordingWorkload().process(worker, items))
        assert not counted.is_completed
    (again,) = queue.plan(db)
    assert (again.items, again.success) == (3, 1)
    assert slices(db) == [[2], [3]]
    finish(db, queue)
    assert counters(db, batch_id) == (3, 3, 3, 0)


def test_a_claim_whose_batch_is_being_planned_anew_finds_nothing_to_lock(
    db: psycopg.Connection, connect: Connect
) -> None:
    queue, batch_id = planned(db, 2, 1)
    worker, planner = connect(), connect()
    taken = claim(worker, queue)
    give(db, "status = 'pending', retry_count = 1", batch_id)()
    with held(planner, lambda: queue.plan(planner)):
        assert settled(worker, queue, taken) == []  # and it has not waited for the planner
    assert slices(db, "items, attempts") == [([1], 0), ([2], 0)]
    assert settled(worker, queue, taken) == []
    finish(db, queue)
    assert counters(db, batch_id) == (2, 2, 2, 0)


# Planning by several.


def test_what_one_instance_plans_another_skips(db: psycopg.Connection, connect: Connect) -> None:
    queue = make_queue()
    first = [batch(db, [number]) for number in (1, 2)]
    one, other = connect(), connect()
    with one.transaction():
        assert [planned.id for planned in queue.plan(one)] == first
        assert queue.plan(other) == []
        later = batch(db, [3])
        assert [planned.id for planned in queue.plan(other)] == [later]
    assert queue.plan(other) == []
    assert slices(db) == [[1], [2], [3]]
    assert [actions(db, batch_id) for batch_id in (*first, later)] == [["planned"]] * 3


def test_a_batch_that_was_planned_and_set_back_behind_the_snapshot_is_left_for_the_next_time(
    db: psycopg.Connection, connect: Connect
) -> None:
    """The slices of that planning cannot be seen, and would be cut once more."""
    queue = make_queue()
    batch_id = batch(db, shop(db, products=2))
    planner, peer = connect(), connect()
    db.execute("CREATE SCHEMA slow")
    db.execute(  # what the planning asks before it locks the batch
        "CREATE FUNCTION slow.pg_column_size(jsonb) RETURNS int LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN 1; END $$"
    )
    planner.execute("SET search_path = slow, pg_catalog, public")
    with ThreadPoolExecutor(1) as pool:
        with peer.transaction():
            peer.execute("SELECT pg_advisory_xact_lock(7)")
            late = pool.submit(queue.plan, planner)
            wait_until_blocked(db, peer)
            queue.plan(db)
            give(db, "status = 'pending'", batch_id)()
        assert late.result(40) == []
    assert slices(db) == [shop_ids(db)]
    finish(db, queue)
    assert predicted(db, batch_id) == shop_ids(db)
    assert read_batch(db, batch_id)["status"] == "completed"


def test_of_two_instances_that_adopt_an_orphan_one_does(db: psycopg.Connection, connect: Connect) -> None:
    queue = make_queue()
    orphan = batch(db, shop(db, products=1), status="processing")
    one, other = connect(), connect()
    with one.transaction():
        assert queue.adopt_orphans(one) == [orphan]
        assert queue.adopt_orphans(other) == []
        assert queue.plan(other) == []
    assert actions(db, orphan) == ["retried"]
    finish(db, queue)
    assert actions(db, orphan) == ["retried", "planned", "completed"]


def test_an_orphan_that_php_holds_is_left_for_later(db: psycopg.Connection, connect: Connect) -> None:
    queue = make_queue()
    held_one, free = (batch(db, [1], status="processing") for _ in range(2))
    php = connect()
    with held(php, give(php, "priority = 1", held_one)):
        assert queue.adopt_orphans(db) == [free]
    assert queue.adopt_orphans(db) == [held_one]


def test_a_batch_being_planned_is_no_orphan(db: psycopg.Connection, connect: Connect) -> None:
    queue, planner = make_queue(), connect()
    batch_id = batch(db, shop(db, products=2))
    with held(planner, lambda: queue.plan(planner)):
        assert queue.adopt_orphans(db) == []
    assert queue.adopt_orphans(db) == []
    assert actions(db, batch_id) == ["planned"]


def test_a_batch_whose_last_slice_is_being_settled_is_no_orphan(db: psycopg.Connection, connect: Connect) -> None:
    queue, batch_id = planned(db, 1, 1)
    worker = connect()
    taken = claim(worker, queue)
    with held(worker, lambda: treat(worker, queue, taken)):
        assert queue.adopt_orphans(db) == []
    assert queue.adopt_orphans(db) == []
    assert actions(db, batch_id) == ["planned", "completed"]


# Claiming by several.


def test_two_workers_that_claim_tiny_slices_at_once_share_them(db: psycopg.Connection, connect: Connect) -> None:
    product_ids = shop(db, products=150)
    queue = make_queue(slice_size=100)
    for product_id in product_ids:
        batch(db, [product_id])
    queue.plan(db)
    one, other = connect(), connect()
    with one.transaction():
        mine = claim(one, queue, "one")
        theirs = claim(other, queue, "other")
        assert queue.claim(db, "third") is None
    assert min(len(mine.slices), len(theirs.slices)) > 10
    assert not {*mine.slice_ids} & {*theirs.slice_ids}
    for conn, taken in ((one, mine), (other, theirs)):
        assert len(settled(conn, queue, taken)) == len(taken.slices)
    finish(db, queue)
    assert db.execute("SELECT count(*), count(DISTINCT product_id) FROM predictions").fetchone() == (150, 150)


def test_a_tiny_slice_that_another_session_holds_is_left_out_of_the_group(
    db: psycopg.Connection, connect: Connect
) -> None:
    (product_id,) = shop(db, products=1)
    queue = make_queue(slice_size=100)
    first, cancelled, last = (batch(db, [product_id]) for _ in range(3))
    queue.plan(db)
    worker, peer = connect(), connect()
    give(db, "status = 'cancelled'", cancelled)()
    with held(peer, lambda: queue._execute(peer, "drop_slices", {"batch_ids": [cancelled]})):
        assert [slice.batch_id for slice in claim(worker, queue).slices] == [first, last]


# A batch that is deleted.


def test_a_batch_that_is_being_planned_is_deleted_afterwards(db: psycopg.Connection, connect: Connect) -> None:
    queue = make_queue(slice_size=1)
    batch_id = batch(db, shop(db, products=2))
    planner, php = connect(), connect()
    interleave(db, planner, lambda: queue.plan(planner), delete(php, "categorization_batches", batch_id))
    finish(db, queue)  # its slices go when they are next looked at
    assert slices(db) == []
    assert actions(db, batch_id) == ["planned"]


def test_a_batch_that_is_being_deleted_is_not_planned(db: psycopg.Connection, connect: Connect) -> None:
    queue = make_queue()
    batch_id = batch(db, [1])
    php = connect()
    with held(php, delete(php, "categorization_batches", batch_id)):
        assert queue.plan(db) == []
    assert queue.plan(db) == []
    assert not queue.backlog(db).is_open


def test_a_batch_is_deleted_as_soon_as_the_slices_in_hand_are_settled(db: psycopg.Connection, connect: Connect) -> None:
    """Two workers have results of it in hand; neither waits for the deletion, which waits for both."""
    queue, batch_id = planned(db, 3, 1)
    one, other, php = connect(), connect(), connect()
    first, second = claim(one, queue, "one"), claim(other, queue, "other")

    def both() -> None:
        for conn, taken in ((one, first), (other, second)):
            treat(conn, queue, taken)
            conn.execute("COMMIT")

    for conn in (one, other):
        conn.execute("BEGIN")
    hold_batch(one, batch_id), hold_batch(other, batch_id)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(delete(php, "categorization_batches", batch_id))
        wait_until_blocked(db, one)
        both()
        late.result(40)
    finish(db, queue)
    assert slices(db) == []
    for table in ("categorization_batches", "predictions", "categorization_errors"):
        assert db.execute(f"SELECT FROM {table}").fetchone() is None  # type: ignore[call-overload]


def hold_batch(conn: psycopg.Connection, batch_id: int) -> None:
    """As a new row that refers to the batch does."""
    conn.execute("SELECT FROM categorization_batches WHERE id = %s FOR KEY SHARE", (batch_id,))


def test_a_slice_whose_batch_is_being_deleted_is_dropped(db: psycopg.Connection, connect: Connect) -> None:
    queue, batch_id = planned(db, 3, 3)
    worker, php = connect(), connect()
    taken = claim(worker, queue)
    runner = make_runner(queue, RecordingWorkload())
    interleave(db, php, delete(php, "categorization_batches", batch_id), lambda: runner.treat(worker, taken))
    assert slices(db) == []
    assert not queue.backlog(db).is_open
    assert db.execute("SELECT count(*) FROM predictions").fetchone() == (0,)


# A product that is deleted.


def test_a_product_that_is_predicted_is_deleted_afterwards(db: psycopg.Connection, connect: Connect) -> None:
    queue, batch_id = planned(db, 2, 2)
    worker, php = connect(), connect()
    taken = claim(worker, queue)
    interleave(db, worker, lambda: treat(worker, queue, taken), delete(php, "products", 1))
    assert counters(db, batch_id) == (2, 2, 2, 0)
    assert predicted(db, batch_id) == [2]  # the other went with its product


def test_a_product_that_is_being_deleted_is_unknown_to_the_slice_that_comes(
    db: psycopg.Connection, connect: Connect
) -> None:
    queue, batch_id = planned(db, 2, 2)
    worker, php = connect(), connect()
    taken = claim(worker, queue)
    runner = SliceRunner(queue, Categorization(90), Backoff(random.Random(1)), threading.Event())
    interleave(db, php, delete(php, "products", 1), lambda: runner.treat(worker, taken))
    assert counters(db, batch_id) == (2, 2, 1, 1)
    assert predicted(db, batch_id) == [2]
    assert errors_of(db, batch_id) == [("1", "unknown_product")]


def test_two_batches_that_share_products_in_opposite_order_do_not_meet(
    db: psycopg.Connection, connect: Connect
) -> None:
    product_ids = shop(db, products=40)
    queue, workload = make_queue(), Categorization(90)
    older, newer = batch(db, product_ids), batch(db, product_ids[::-1])
    queue.plan(db)
    one, other = connect(), connect()
    first, second = claim(one, queue, "one"), claim(other, queue, "other")
    assert (first.slices[0].batch_id, second.slices[0].batch_id) == (older, newer)

    def predict(conn: psycopg.Connection, taken: Claim, is_reversed: bool) -> None:
        locked = queue.lock(conn, taken)
        items = [Item(slice.batch_id, item) for slice in locked for item in slice.items]
        queue.settle(conn, locked, workload.process(conn, items[::-1] if is_reversed else items))

    def predict_and_commit() -> None:
        with other.transaction():
            predict(other, second, is_reversed=True)

    interleave(db, one, lambda: predict(one, first, is_reversed=False), predict_and_commit)
    rows = db.execute("SELECT batch_id, status, count(*) FROM predictions GROUP BY 1, 2 ORDER BY 1").fetchall()
    assert rows == [(older, "superseded", 40), (newer, "pending", 40)]


# A slice that is split.


@pytest.mark.parametrize("is_cancel_first", [True, False])
def test_the_pieces_of_a_slice_that_is_split_while_its_batch_is_cancelled_go(
    db: psycopg.Connection, connect: Connect, is_cancel_first: bool
) -> None:
    queue, batch_id = planned(db, 3, 3)
    worker, php = connect(), connect()
    taken = claim(worker, queue)

    def split() -> None:
        (locked,) = queue.lock(worker, taken)
        queue.split(worker, locked)

    cancel = give(php, "status = 'cancelled'", batch_id)
    first, late = (lambda: cancel(), split) if is_cancel_first else (split, cancel)
    with held(php if is_cancel_first else worker, first), (worker if is_cancel_first else php).transaction():
        late()
    assert slices(db) == [[1], [2], [3]]
    finish(db, queue)
    assert slices(db) == []
    assert counters(db, batch_id) == (3, 0, 0, 0)
    assert read_batch(db, batch_id)["status"] == "cancelled"


# A session that was silent.


def test_a_session_that_goes_on_in_time_is_left_alone(db: psycopg.Connection, database: Database) -> None:
    """It was silent for longer than the bound, and now it waits for a lock: it is alive."""
    bound = timedelta(milliseconds=50)
    queue = make_queue(timing=Timing(frozen=bound))
    (product_id,) = shop(db, products=1)
    with database.connect() as php, psycopg.connect(database.dsn, application_name="catalogd slow") as slow:
        slow.execute("SELECT 1")
        silent = "SELECT state_change < clock_timestamp() - %s::interval FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: db.execute(silent, (bound, slow.info.backend_pid)).fetchone() == (True,))
        lock = "SELECT id FROM products WHERE id = %s FOR UPDATE"

        def find_frozen() -> None:
            wait_until(lambda: db.execute(silent, (bound, slow.info.backend_pid)).fetchone() == (True,))
            assert queue.end_frozen(db) == []

        with ThreadPoolExecutor(1) as pool:
            with php.transaction():
                php.execute(lock, (product_id,))
                late = pool.submit(lambda: slow.execute(lock, (product_id,)).fetchone())
                wait_until_blocked(db, php)
                find_frozen()
            assert late.result(40) == (product_id,)
