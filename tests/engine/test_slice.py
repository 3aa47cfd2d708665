"""One claim: in one transaction; in halves when the data is at fault; given back when it is not."""

import threading
from collections.abc import Sequence
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors
from psycopg.pq import TransactionStatus

from daemon.database.failures import Effect
from daemon.engine.queue import ITEM_DEATHS, SLICE_DEATHS
from daemon.engine.slice import NotTreated, Suspicion
from daemon.engine.workload import Ended, Item, Outcome
from tests.support.database import Database
from tests.support.engine import AT_ONCE, claim, make_queue, make_runner, slices
from tests.support.events import EventTap
from tests.support.factories import age_claims, batch, errors_of, read_batch, shop
from tests.support.workload import Farewell, RecordingWorkload, refuse

pytestmark = pytest.mark.one_server  # its subject is the slice's treatment

SLICE_KEYS = {"batch_id", "slice_id", "items", "attempt"}


class Bench:
    """One batch, one runner."""

    def __init__(
        self, db: psycopg.Connection, products: int, slice_size: int = 100, suspicion: Suspicion | None = None
    ) -> None:
        self.db = db
        self.product_ids = shop(db, products=products)
        self.batch_id = batch(db, self.product_ids)
        self.workload = RecordingWorkload(slice_size)
        self.queue = make_queue(slice_size, AT_ONCE)
        self.queue.plan(db)
        self.cancelled = threading.Event()
        self.runner = make_runner(self.queue, self.workload, self.cancelled, suspicion)

    def treat(self) -> None:
        """The next slice; given back when it cannot be treated, as the worker does, and due at once."""
        taken = claim(self.db, self.queue)
        try:
            self.runner.treat(self.db, taken)
        except NotTreated:
            self.queue.release(self.db, taken, timedelta(seconds=60))
            self.db.execute("UPDATE batch_slices SET run_after = NULL")
            raise

    @property
    def row(self) -> dict[str, object]:
        return read_batch(self.db, self.batch_id)

    def predicted(self) -> list[int]:
        rows = self.db.execute("SELECT product_id FROM predictions WHERE batch_id = %s ORDER BY 1", (self.batch_id,))
        return [row[0] for row in rows]


def test_a_slice_is_treated_in_one_call_and_one_event(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=4)
    bench.treat()
    assert bench.workload.calls == [[Item(bench.batch_id, product_id) for product_id in bench.product_ids]]
    assert bench.predicted() == bench.product_ids
    settled = events.wait_for("slice.settled")
    assert settled["level"] == "debug"
    assert SLICE_KEYS | {"duration_ms"} <= settled.keys()
    completed = events.wait_for("batch.completed")
    assert completed["level"] == "info"
    assert {"batch_id", "items", "success", "errors", "wait_ms", "duration_ms", "items_per_s"} <= completed.keys()
    assert completed["success"] == 4


def test_the_culprit_alone_is_refused(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=9)
    bench.workload.before = refuse(4)
    bench.treat()
    assert bench.predicted() == [id for id in bench.product_ids if id != 4]
    assert errors_of(db, bench.batch_id) == [("4", "refused")]
    assert (bench.row["status"], bench.row["success_products"], bench.row["error_products"]) == ("completed", 8, 1)
    assert slices(db) == []
    halved = events.wait_for("slice.halved")
    assert halved["level"] == "warning"
    assert SLICE_KEYS | {"sqlstate", "error_type"} <= halved.keys()
    failed = events.wait_for("item.failed")
    assert failed["level"] == "info"
    assert (failed["batch_id"], failed["item"], failed["code"]) == (bench.batch_id, 4, "refused")
    assert failed["reason"] == "ValueError: cannot treat this"
    assert len(events.all("batch.completed")) == 1


def test_what_the_database_refuses_is_halved_too(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=5)
    db.execute("ALTER TABLE predictions ADD CHECK (product_id NOT IN (2, 5))")
    bench.treat()
    assert errors_of(db, bench.batch_id) == [("2", "refused"), ("5", "refused")]
    assert bench.predicted() == [1, 3, 4]
    assert events.wait_for("slice.halved")["sqlstate"] == "23514"


def test_what_is_refused_only_at_the_commit_is_found_as_well(db: psycopg.Connection) -> None:
    bench = Bench(db, products=6)
    db.execute("CREATE TABLE allowed (id bigint PRIMARY KEY)")
    db.execute("INSERT INTO allowed SELECT id FROM products WHERE id <> 3")
    db.execute("ALTER TABLE predictions ADD FOREIGN KEY (product_id) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED")
    bench.treat()
    assert errors_of(db, bench.batch_id) == [("3", "refused")]
    assert bench.row["status"] == "completed"
    assert bench.predicted() == [1, 2, 4, 5, 6]


def test_a_workload_that_forgets_an_item_is_halved_to_it(db: psycopg.Connection) -> None:
    bench = Bench(db, products=4)
    process = bench.workload.process

    def forget(conn: psycopg.Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        return [outcome for outcome in process(conn, items) if outcome.item.id != 3]

    bench.workload.process = forget  # type: ignore[method-assign]
    bench.treat()
    assert errors_of(db, bench.batch_id) == [("3", "refused")]
    assert bench.predicted() == [1, 2, 4]


def test_the_culprit_among_many_tiny_batches_costs_the_others_nothing(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=20)
    workload, queue = RecordingWorkload(before=refuse(7)), make_queue()
    batch_ids = [batch(db, [product_id]) for product_id in product_ids]
    queue.plan(db)
    make_runner(queue, workload).treat(db, claim(db, queue))
    assert {read_batch(db, batch_id)["status"] for batch_id in batch_ids} == {"completed"}
    assert [len(errors_of(db, batch_id)) for batch_id in batch_ids] == [int(id == 7) for id in product_ids]


@pytest.mark.parametrize(
    "error", [errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable, errors.QueryCanceled]
)
def test_a_transient_error_leaves_everything_as_it_was(
    db: psycopg.Connection, events: EventTap, error: type[psycopg.Error]
) -> None:
    bench = Bench(db, products=3)
    bench.workload.before = refuse(2, error=lambda: error("later"))
    with pytest.raises(NotTreated) as caught:
        bench.treat()
    assert caught.value.effect is Effect.TRANSIENT
    assert len(bench.workload.calls) == 1
    assert slices(db, "attempts, claimed_by") == [(0, None)]
    assert bench.predicted() == []
    assert bench.row["processed_products"] == 0
    retried = events.wait_for("slice.retried")
    assert retried["level"] == "warning"
    assert SLICE_KEYS | {"sqlstate", "retry_in_s"} <= retried.keys()
    assert retried["sqlstate"] == error.sqlstate
    bench.workload.before = refuse()
    bench.treat()
    assert bench.predicted() == bench.product_ids


def test_a_transient_error_among_the_halves_blames_nobody(db: psycopg.Connection) -> None:
    bench = Bench(db, products=4)

    def hook(_conn: psycopg.Connection, items: Sequence[Item]) -> None:
        if len(items) == 4:
            raise ValueError("somebody's fault")
        raise errors.DeadlockDetected("later")

    bench.workload.before = hook
    with pytest.raises(NotTreated) as caught:
        bench.treat()
    assert caught.value.effect is Effect.TRANSIENT
    assert errors_of(db, bench.batch_id) == []


def test_delays_grow_until_a_success(db: psycopg.Connection) -> None:
    bench = Bench(db, products=2, slice_size=1)
    bench.workload.before = refuse(1, error=lambda: errors.DeadlockDetected("later"))
    delays = []
    for _ in range(5):
        with pytest.raises(NotTreated) as caught:
            bench.treat()
        delays.append(caught.value.delay_s)
    assert delays[-1] > 4 * delays[0]
    bench.workload.before = refuse()
    bench.treat()
    bench.workload.before = refuse(2, error=lambda: errors.DeadlockDetected("later"))
    with pytest.raises(NotTreated) as caught:
        bench.treat()
    assert caught.value.delay_s <= 0.1


def test_what_is_damaged_in_the_server_costs_the_others_nothing(db: psycopg.Connection) -> None:
    bench = Bench(db, products=9)
    db.execute(
        "CREATE FUNCTION read(id bigint) RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN IF id = 4 THEN RAISE 'invalid page' USING ERRCODE = 'data_corrupted'; END IF; RETURN true; END $$"
    )
    db.execute("ALTER TABLE predictions ADD CHECK (read(product_id))")
    bench.treat()
    assert errors_of(db, bench.batch_id) == [("4", "refused")]
    assert bench.predicted() == [id for id in bench.product_ids if id != 4]


def test_what_no_item_is_guilty_of_pauses_the_workload(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=3)
    db.execute("ALTER TABLE predictions RENAME TO gone")
    with pytest.raises(NotTreated) as caught:
        bench.treat()
    assert caught.value.effect is Effect.ENVIRONMENT
    assert events.wait_for("workload.paused")["sqlstate"] == "42P01"
    assert events.all("slice.halved") == []
    assert slices(db, "attempts") == [0]
    db.execute("ALTER TABLE gone RENAME TO predictions")
    bench.treat()
    assert bench.row["status"] == "completed"


def test_when_every_item_fails_alike_the_workload_is_paused_and_nothing_marked(
    db: psycopg.Connection, events: EventTap
) -> None:
    bench = Bench(db, products=5)
    bench.workload.before = refuse(*bench.product_ids)
    with pytest.raises(NotTreated) as caught:
        bench.treat()
    assert caught.value.effect is Effect.ENVIRONMENT
    paused = events.wait_for("workload.paused")
    assert paused.keys() >= SLICE_KEYS
    assert errors_of(db, bench.batch_id) == []
    assert slices(db, "attempts") == [0]
    assert events.all("item.failed") == []
    bench.workload.before = refuse()
    bench.treat()
    assert bench.predicted() == bench.product_ids


def test_a_slice_that_is_set_back_again_and_again_waits_longer_though_other_work_succeeds(
    db: psycopg.Connection,
) -> None:
    bench = Bench(db, products=8, slice_size=2)
    bench.workload.before = refuse(1, error=errors.LockNotAvailable)
    delays = []
    for _ in range(3):
        with pytest.raises(NotTreated) as caught:
            bench.treat()
        delays.append(caught.value.delay_s)
        db.execute("UPDATE batch_slices SET turn = turn + 10 WHERE items = '{1,2}'")
        bench.treat()  # another slice
        db.execute("UPDATE batch_slices SET turn = turn - 10 WHERE items = '{1,2}'")
    assert delays == sorted(delays)
    assert delays[-1] >= 0.2


def test_items_that_fail_alike_are_refused_once_other_work_has_succeeded(db: psycopg.Connection) -> None:
    bench = Bench(db, products=4, slice_size=2)
    bench.workload.before = refuse(1, 2)
    with pytest.raises(NotTreated):
        bench.treat()
    db.execute("UPDATE batch_slices SET turn = turn + 10 WHERE items = '{1,2}'")
    bench.treat()  # the other slice: the world is well
    bench.treat()
    assert errors_of(db, bench.batch_id) == [("1", "refused"), ("2", "refused")]
    assert bench.row["status"] == "completed"


def test_without_a_witness_nobody_is_blamed_for_as_long_as_patience_lasts(db: psycopg.Connection) -> None:
    bench = Bench(db, products=2, suspicion=Suspicion(patience=timedelta(hours=1)))
    bench.workload.before = refuse(1, 2)
    for _ in range(20):
        with pytest.raises(NotTreated):
            bench.treat()
    assert errors_of(db, bench.batch_id) == []
    assert slices(db, "attempts") == [0]


def test_when_patience_ends_the_items_are_blamed_and_the_batch_comes_to_its_end(db: psycopg.Connection) -> None:
    bench = Bench(db, products=2, suspicion=Suspicion(patience=timedelta(0)))
    bench.workload.before = refuse(1, 2)
    with pytest.raises(NotTreated):
        bench.treat()
    bench.treat()
    assert errors_of(db, bench.batch_id) == [("1", "refused"), ("2", "refused")]
    assert bench.row["status"] == "completed"


def test_items_that_fail_differently_are_each_at_fault(db: psycopg.Connection) -> None:
    bench = Bench(db, products=2)

    def hook(_conn: psycopg.Connection, items: Sequence[Item]) -> None:
        raise (ValueError if items[0].id == 1 else KeyError)("odd")

    bench.workload.before = hook
    bench.treat()
    assert errors_of(db, bench.batch_id) == [("1", "refused"), ("2", "refused")]


def test_a_single_item_is_refused_at_once(db: psycopg.Connection) -> None:
    bench = Bench(db, products=1)
    bench.workload.before = refuse(1)
    bench.treat()
    assert bench.row["status"] == "completed"
    assert errors_of(db, bench.batch_id) == [("1", "refused")]


def die(bench: Bench) -> None:
    """A worker claims the next slice and is never heard of again."""
    claim(bench.db, bench.queue, "dead")
    age_claims(bench.db)


def test_a_slice_of_a_dead_worker_is_recovered(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=2)
    die(bench)
    bench.treat()
    assert bench.predicted() == bench.product_ids
    recovered = events.wait_for("slice.recovered")
    assert recovered["level"] == "warning"
    assert recovered.items() >= {"batch_id": bench.batch_id, "items": 2, "attempt": 2}.items()
    assert "slice_id" in recovered


def test_a_slice_that_ends_its_workers_is_split_and_only_the_deadly_item_is_lost(
    db: psycopg.Connection, events: EventTap
) -> None:
    bench = Bench(db, products=3)
    for _ in range(SLICE_DEATHS):
        die(bench)
    bench.treat()
    assert slices(db) == [[1], [2], [3]]
    assert bench.workload.calls == []
    while slices(db):
        taken = claim(db, bench.queue)
        row = db.execute("SELECT items FROM batch_slices WHERE id = ANY(%s)", (taken.slice_ids,)).fetchone()
        if taken.is_spent or row != ([2],):  # else the worker dies
            bench.runner.treat(db, taken)
    assert bench.predicted() == [1, 3]
    assert errors_of(db, bench.batch_id) == [("2", "worker_died")]
    assert bench.row["status"] == "completed"
    assert [[item.id for item in call] for call in bench.workload.calls] == [[1], [3]]


def test_a_spent_single_item_becomes_an_item_error(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=1)
    for _ in range(ITEM_DEATHS):
        die(bench)
    bench.treat()
    assert bench.workload.calls == []
    assert errors_of(db, bench.batch_id) == [("1", "worker_died")]
    assert bench.row["status"] == "completed"
    assert events.wait_for("item.failed")["code"] == "worker_died"


def test_a_cancelled_batch_is_told_once(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=6, slice_size=2)
    bench.treat()
    bench.queue.cancel(db, bench.batch_id)
    bench.treat()
    assert [event["batch_id"] for event in events.all("batch.cancelled")] == [bench.batch_id]
    assert slices(db) == []
    assert len(bench.predicted()) == 2


def test_a_spent_slice_of_a_cancelled_batch_is_dropped(db: psycopg.Connection) -> None:
    bench = Bench(db, products=3)
    for _ in range(SLICE_DEATHS):
        die(bench)
    bench.queue.cancel(db, bench.batch_id)
    bench.treat()
    assert slices(db) == []
    assert errors_of(db, bench.batch_id) == []


def test_a_claim_that_a_peer_took_over_is_left_to_the_peer(db: psycopg.Connection) -> None:
    bench = Bench(db, products=1)
    lost = claim(db, bench.queue, "zombie")
    claim(db, bench.queue, "heir")
    bench.runner.treat(db, lost)
    assert bench.workload.calls == []
    assert slices(db, "claimed_by") == ["heir"]


def test_a_batch_deleted_while_its_slice_runs_leaves_nothing(db: psycopg.Connection, database: Database) -> None:
    bench = Bench(db, products=3)

    def delete(_conn: psycopg.Connection, _items: Sequence[Item]) -> None:
        with database.connect() as php:
            php.execute("DELETE FROM categorization_batches")

    bench.workload.before = delete
    bench.treat()
    assert slices(db) == []
    assert db.execute("SELECT count(*) FROM predictions").fetchone() == (0,)


def test_a_cancelled_stop_gives_the_slice_back_silently(db: psycopg.Connection, events: EventTap) -> None:
    bench = Bench(db, products=2)
    bench.workload.before = lambda _conn, _items: bench.cancelled.set()
    with pytest.raises(NotTreated) as caught:
        bench.treat()
    assert caught.value.delay_s == 0
    assert bench.predicted() == []
    assert slices(db, "attempts") == [0]
    assert events.all("slice.retried") == events.all("slice.halved") == []


def test_a_lost_connection_is_transient_and_leaves_nothing(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    bench = Bench(db, products=2)
    bench.workload.before = lambda conn, _items: db.execute(
        "SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,)
    )  # type: ignore[assignment,return-value]
    conn = database.connect()
    taken = claim(conn, bench.queue)
    with pytest.raises(NotTreated) as caught:
        bench.runner.treat(conn, taken)
    assert caught.value.effect is Effect.TRANSIENT
    assert conn.closed
    assert bench.predicted() == []
    bench.workload.before = refuse()
    age_claims(db)
    bench.treat()
    assert bench.row["status"] == "completed"


def test_the_workload_is_told_of_the_batches_that_ended_when_they_are_committed(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    bench = Bench(db, products=3, slice_size=2)
    seen: list[object] = []

    def look(conn: psycopg.Connection, _batches: Sequence[Ended]) -> None:
        assert conn.info.transaction_status is TransactionStatus.IDLE
        with database.connect() as other:
            seen.append(other.execute("SELECT status FROM categorization_batches").fetchone())

    bench.workload.at_the_end = look
    bench.treat()
    assert bench.workload.told == []
    bench.treat()
    assert bench.workload.told == [Ended(bench.batch_id, 3)]
    assert seen == [("completed",)]
    assert events.all("batch.unremarked") == []


def test_many_that_end_together_are_told_together(db: psycopg.Connection) -> None:
    ids = shop(db, products=3)
    batch_ids = [batch(db, [id, 404]) for id in ids]
    queue, workload = make_queue(), RecordingWorkload()
    queue.plan(db)
    calls: list[int] = []
    workload.at_the_end = lambda _conn, batches: calls.append(len(batches))
    make_runner(queue, workload).treat(db, claim(db, queue))
    assert calls == [3]
    assert workload.told == [Ended(batch_id, 2) for batch_id in batch_ids]


@pytest.mark.parametrize(
    "farewell",
    [
        lambda _conn, _batches: 1 / 0,
        lambda conn, _batches: conn.execute("SELECT 1 / 0"),
        lambda conn, _batches: conn.execute("BEGIN"),
        lambda conn, _batches: (conn.execute("BEGIN"), conn.execute("SELECT 1 / 0")),
    ],
    ids=["raises", "refused by the server", "leaves a transaction", "leaves a broken transaction"],
)
def test_a_workload_that_fails_at_the_end_does_no_harm(
    db: psycopg.Connection, events: EventTap, farewell: Farewell
) -> None:
    bench = Bench(db, products=1)
    bench.workload.at_the_end = farewell
    bench.treat()
    assert bench.row["status"] == "completed"
    assert db.info.transaction_status is TransactionStatus.IDLE
    told = [(event["level"], event["batch_id"], event["batches"]) for event in events.all("batch.unremarked")]
    assert told in ([("warning", bench.batch_id, 1)], [])
    second = batch(db, [1])
    bench.queue.plan(db)
    bench.treat()
    assert read_batch(db, second)["status"] == "completed"


def test_a_connection_lost_at_the_end_is_no_fault_of_the_slice(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    bench = Bench(db, products=1)
    bench.workload.at_the_end = lambda conn, _batches: [
        db.execute("SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,)),
        conn.execute("SELECT 1"),
    ]  # type: ignore[assignment,return-value]
    with database.connect() as conn:
        bench.runner.treat(conn, claim(conn, bench.queue))
        assert conn.closed
    assert bench.row["status"] == "completed"
    assert [event["sqlstate"] for event in events.all("batch.unremarked")] == ["57P01"]
