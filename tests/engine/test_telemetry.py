"""The engine tells what happens, at the moment it is true."""

from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from daemon.engine.telemetry import ListenerState
from daemon.engine.workload import BatchFailed, Hold, NotYet
from daemon.monitoring.tally import Tally
from tests.support.database import Database
from tests.support.engine import AT_ONCE, Engine, claim, make_queue
from tests.support.events import EventTap
from tests.support.factories import batch, shop
from tests.support.workload import RecordingWorkload, refuse

pytestmark = pytest.mark.one_server


@pytest.fixture
def tally() -> Tally:
    return Tally(["categorization"])


def test_batches_slices_and_items_are_counted(
    db: psycopg.Connection, database: Database, events: EventTap, tally: Tally
) -> None:
    product_ids = shop(db, products=10)
    with Engine(database.session, RecordingWorkload(slice_size=4), telemetry=tally):
        events.wait_for("batch.completed", batch_id=batch(db, [*product_ids, 999, "x"]))
        events.wait_for("batch.failed", batch_id=batch(db, "no array"))
    seen = tally.of("categorization")
    assert (seen.planned, seen.ended) == (2, {"completed": 1, "failed": 1})
    assert seen.items == {"done": 10, "unknown_product": 1, "not_an_id": 1}
    assert seen.slices["settled"] == seen.slice.number == 3
    assert seen.pickup.number == 2
    assert seen.batch.number == 1
    assert tally.listener is ListenerState.CONNECTED


def test_a_slice_in_halves_and_one_that_is_tried_again(
    db: psycopg.Connection, database: Database, events: EventTap, tally: Tally
) -> None:
    product_ids = shop(db, products=4)
    times: list[int] = []

    def stumble(conn: psycopg.Connection, items: object) -> None:
        times.append(1)
        if len(times) == 1:
            raise errors.DeadlockDetected
        refuse(product_ids[1])(conn, items)  # type: ignore[arg-type]

    with Engine(database.session, RecordingWorkload(before=stumble), telemetry=tally):
        events.wait_for("batch.completed", batch_id=batch(db, product_ids))
    seen = tally.of("categorization")
    assert {event: number for event, number in seen.slices.items() if number} == {
        "retried": 1,
        "halved": 1,
        "settled": 1,
    }
    assert seen.items == {"done": 3, "refused": 1}


def test_a_slice_of_a_dead_worker_is_recovered(
    db: psycopg.Connection, database: Database, events: EventTap, tally: Tally
) -> None:
    batch_id = batch(db, shop(db, products=2))
    queue = make_queue()
    queue.plan(db)
    claim(db, queue, worker="dead/1")
    with Engine(database.session, timing=AT_ONCE, telemetry=tally):
        events.wait_for("batch.completed", batch_id=batch_id)
    assert tally.of("categorization").slices["recovered"] >= 1


def test_a_workload_that_pauses(db: psycopg.Connection, database: Database, events: EventTap, tally: Tally) -> None:
    def fail(_conn: psycopg.Connection, _items: object) -> None:
        raise errors.InsufficientPrivilege("permission denied")

    with Engine(database.session, RecordingWorkload(before=fail), telemetry=tally):
        batch(db, shop(db, products=2))
        events.wait_for("workload.paused")
    assert tally.of("categorization").slices["paused"] >= 1
    assert tally.of("categorization").items == {"done": 0}


def test_preparations_are_counted_by_their_end(
    db: psycopg.Connection, database: Database, events: EventTap, tally: Tally
) -> None:
    product_ids = shop(db, products=2)
    waited: list[int] = []

    def prepare(hold: Hold) -> timedelta | None:
        if hold.batch_id == bad:
            raise BatchFailed("nothing in it")
        if not waited:
            waited.append(1)
            raise NotYet("the server is slow", timedelta(0))
        return None

    good, bad = batch(db, product_ids), batch(db, product_ids)
    with Engine(database.session, RecordingWorkload(preparing=prepare), telemetry=tally):
        events.wait_for("batch.completed", batch_id=good)
        events.wait_for("batch.failed", batch_id=bad)
    assert tally.of("categorization").preparations == {"ready": 1, "failed": 1, "put_off": 1}
    assert tally.of("categorization").ended == {"completed": 1, "failed": 1}


def test_what_was_rolled_back_is_not_counted(
    db: psycopg.Connection, database: Database, events: EventTap, tally: Tally
) -> None:
    """The commit itself may fail: a deferred constraint of the shop's, say."""
    product_ids = shop(db, products=2)
    db.execute("CREATE TABLE strict (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    times: list[int] = []

    def trip(conn: psycopg.Connection, _items: object) -> None:
        times.append(1)
        if len(times) == 1:
            conn.execute("INSERT INTO strict VALUES (1), (1)")

    with Engine(database.session, RecordingWorkload(before=trip), telemetry=tally):
        events.wait_for("batch.completed", batch_id=batch(db, product_ids))
    assert tally.of("categorization").items == {"done": 2}
    assert tally.of("categorization").slice.number == 1
