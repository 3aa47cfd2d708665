"""A batch that has to be prepared is in one thread's hands at a time, locks nothing, and is cut when it is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from daemon.database.pool import BoundedConnection
from daemon.engine.preparation import HeldBatch, Preparations, Taken
from daemon.engine.preparer import Crew
from daemon.engine.queue import Queue, Timing
from daemon.engine.supervisor import StopRequested
from daemon.engine.worker import Pace
from daemon.engine.workload import BatchFailed, Hold, NotYet, PreparationEnded
from daemon.workloads.categorization.workload import TABLE
from tests.support.database import Database
from tests.support.engine import Engine, ms
from tests.support.events import EventTap
from tests.support.factories import batch, read_batch, shop
from tests.support.waiting import wait_until, wait_until_blocked
from tests.support.workload import RecordingWorkload

pytestmark = pytest.mark.one_server  # its subject is the thread

LEASE = timedelta(seconds=15)


def make_preparations(instance: str = "test", lease: timedelta = LEASE) -> Preparations:
    return Preparations(Queue("categorization", replace(TABLE, is_prepared=True), instance, Timing(lease=lease)))


def lists(hold: Hold, ids: list[int]) -> None:
    with hold.transaction() as conn:
        conn.execute(
            "UPDATE categorization_batches SET product_ids = to_jsonb(%s::bigint[]) WHERE id = %s", (ids, hold.batch_id)
        )


def preparing(step: Callable[[Hold], timedelta | None]) -> RecordingWorkload:
    return RecordingWorkload(preparing=step)


def take(conn: psycopg.Connection, preparations: Preparations, worker: str = "test/p1") -> Taken:
    taken = preparations.take(conn, worker)
    assert taken is not None
    return taken


def pass_time(db: psycopg.Connection, seconds: float) -> None:
    """For whoever prepares: as if so much time had passed."""
    db.execute(
        "UPDATE batch_preparations SET kept_until = kept_until - make_interval(secs => %(s)s),"
        " run_after = run_after - make_interval(secs => %(s)s)",
        {"s": seconds},
    )


def row(db: psycopg.Connection, columns: str) -> tuple[object, ...] | None:
    return db.execute(f"SELECT {columns} FROM batch_preparations").fetchone()  # type: ignore[call-overload, no-any-return]  # noqa: S608


def test_what_was_prepared_is_cut_and_treated(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    ids = shop(db, products=3)
    with Engine(database.session, preparing(lambda hold: lists(hold, ids))):
        batch_id = batch(db, None)
        done = events.wait_for("batch.completed", batch_id=batch_id)
    assert (done["items"], done["success"]) == (3, 3)
    assert row(db, "batch_id") is None
    assert events.wait_for("batch.prepared", batch_id=batch_id)


def test_a_step_may_be_one_of_several_and_says_when_to_go_on(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    ids = shop(db, products=1)
    tries: list[int] = []

    def step(hold: Hold) -> timedelta | None:
        tries.append(hold.tries)
        return ms(5) if len(tries) < 3 else lists(hold, ids)

    with Engine(
        database.session,
        preparing(step),
        pace=replace(Engine.__dataclass_fields__["pace"].default_factory(), look_again=ms(10)),
    ):  # type: ignore[misc]
        batch_id = batch(db, None)
        events.wait_for("batch.completed", batch_id=batch_id)
    assert tries == [1, 1, 1]


def test_a_batch_that_waits_to_be_prepared_is_not_planned(db: psycopg.Connection) -> None:
    queue = make_preparations()._queue
    batch(db, [1])
    assert queue.plan(db) == []
    seen = queue.backlog(db)
    assert (seen.to_plan, seen.to_prepare, seen.is_open) == (False, True, True)


def test_one_holds_it_at_a_time(db: psycopg.Connection) -> None:
    preparations = make_preparations()
    batch_id = batch(db, None)
    assert take(db, preparations) == Taken(batch_id, 0, 0)
    assert preparations.take(db, "other/p1") is None
    seen = preparations._queue.backlog(db)
    assert (seen.to_prepare, seen.preparing) == (False, True)


def test_what_another_has_taken_behind_the_snapshot_is_not_taken_from_them(
    db: psycopg.Connection, database: Database
) -> None:
    """By what the slower one sees its holder is long gone."""
    preparations = make_preparations()
    batch_id = batch(db, None)
    take(db, preparations)
    pass_time(db, 3600)
    db.execute("CREATE SCHEMA slow")
    db.execute(  # what is asked before the batch is locked
        "CREATE FUNCTION slow.now() RETURNS timestamptz LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN pg_catalog.now(); END $$"
    )
    with database.connect() as slow, database.connect() as holder, ThreadPoolExecutor(1) as pool:
        slow.execute("SET search_path = slow, pg_catalog, public")
        with holder.transaction():
            holder.execute("SELECT pg_advisory_xact_lock(7)")
            late = pool.submit(preparations.take, slow, "late/p1")
            wait_until_blocked(db, holder)
            assert take(db, preparations, "next/p1").batch_id == batch_id
        assert late.result(40) is None
    assert row(db, "claimed_by, deaths") == ("next/p1", 0)


def test_two_take_two(db: psycopg.Connection, database: Database) -> None:
    preparations = make_preparations()
    first, second = batch(db, None), batch(db, None)
    with database.connect() as other, other.transaction():
        assert take(other, preparations, "other/p1").batch_id == first  # not committed yet
        assert take(db, preparations).batch_id == second


@pytest.mark.parametrize(("claimed_by", "deaths"), [("other/p1", 1), ("test/p9", 0)])
def test_a_holder_that_was_not_heard_of_is_taken_for_dead(db: psycopg.Connection, claimed_by: str, deaths: int) -> None:
    """One of this very instance is not: the server was out of reach."""
    preparations = make_preparations(
        lease=timedelta(seconds=-0.001)
    )  # as if the server had been up for that long before
    batch_id = batch(db, None)
    take(db, preparations, claimed_by)
    assert take(db, make_preparations(lease=timedelta(0)), "test/p1") == Taken(batch_id, deaths, 0)


def test_the_zombie_writes_nothing(db: psycopg.Connection, database: Database) -> None:
    preparations = make_preparations()
    batch_id = batch(db, None)
    held = HeldBatch(preparations, take(db, preparations, "old/p1"), "old/p1", database.connect, threading.Event())
    pass_time(db, 20)
    take(db, preparations, "new/p1")
    with pytest.raises(PreparationEnded, match="another"), held.transaction():
        pytest.fail("it must not get that far")
    held.kept_at -= 20
    with pytest.raises(PreparationEnded):
        held.keep()
    preparations.release(db, batch_id, "old/p1", is_ready=True)
    with pytest.raises(PreparationEnded):
        preparations.fail(db, batch_id, "old/p1", "the zombie says so")
    assert row(db, "is_ready, claimed_by") == (False, "new/p1")
    assert read_batch(db, batch_id)["status"] == "pending"


def test_who_keeps_it_goes_on_holding_it(db: psycopg.Connection, database: Database) -> None:
    preparations = make_preparations()
    batch(db, None)
    held = HeldBatch(preparations, take(db, preparations), "test/p1", database.connect, threading.Event())
    pass_time(db, 14)
    held.kept_at -= 14
    held.keep()
    pass_time(db, 14)
    assert preparations.take(db, "other/p1") is None


def test_a_cancelled_batch_is_let_go(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    shop(db)
    goes_on = threading.Event()

    def step(hold: Hold) -> timedelta | None:
        goes_on.set()
        while True:
            hold.kept_at = 0.0  # type: ignore[attr-defined]  # it is always time
            hold.keep()

    with Engine(database.session, preparing(step)):
        batch_id = batch(db, None)
        assert goes_on.wait(20)
        db.execute("UPDATE categorization_batches SET status = 'cancelled' WHERE id = %s", (batch_id,))
        assert "cancelled" in str(events.wait_for("preparation.ended", batch_id=batch_id)["reason"])
        wait_until(lambda: row(db, "batch_id") is None)
    assert read_batch(db, batch_id)["status"] == "cancelled"


def test_a_deleted_batch_is_let_go(db: psycopg.Connection) -> None:
    preparations = make_preparations()
    batch_id = batch(db, None)
    take(db, preparations)
    db.execute("DELETE FROM categorization_batches WHERE id = %s", (batch_id,))
    with pytest.raises(PreparationEnded, match="gone"):
        preparations.keep(db, batch_id, "test/p1")
    preparations.drop_unwanted(db, "test/p1")
    assert row(db, "batch_id") is None


def test_a_stop_gives_it_back_at_once(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    began = threading.Event()

    def step(hold: Hold) -> timedelta | None:
        began.set()
        while True:
            hold.keep()

    with Engine(database.session, preparing(step)) as engine:
        batch_id = batch(db, None)
        assert began.wait(20)
        engine.inbox.put(StopRequested("the test says so"))
        assert engine.wait() == 0
    assert row(db, "kept_until, run_after, deaths, tries") == (None, None, 0, 0)
    assert take(db, make_preparations("next"), "next/p1").batch_id == batch_id


def test_nothing_can_be_done_with_it(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    def step(hold: Hold) -> timedelta | None:
        raise BatchFailed("The list is empty.")

    with Engine(database.session, preparing(step)):
        batch_id = batch(db, None)
        events.wait_for("batch.failed", batch_id=batch_id)
    found = read_batch(db, batch_id)
    assert (found["status"], found["error_message"]) == ("failed", "The list is empty.")
    assert row(db, "batch_id") is None
    assert db.execute("SELECT action FROM audit_log WHERE entity_id = %s", (batch_id,)).fetchall() == [("failed",)]


def test_what_may_pass_is_tried_again_later(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    ids = shop(db, products=1)
    tries: list[int] = []

    def step(hold: Hold) -> timedelta | None:
        tries.append(hold.tries)
        if len(tries) < 3:
            raise NotYet("the server is busy", ms(5))
        return lists(hold, ids)

    with Engine(database.session, preparing(step)):
        batch_id = batch(db, None)
        events.wait_for("batch.completed", batch_id=batch_id)
    assert tries == [1, 2, 3]
    assert [event["error"] for event in events.all("preparation.put_off")] == ["the server is busy"] * 2


def test_what_is_put_off_has_its_pause(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    def step(hold: Hold) -> timedelta | None:
        raise NotYet("the server is busy", timedelta(minutes=3))

    with Engine(database.session, preparing(step)):
        batch(db, None)
        assert events.wait_for("preparation.put_off")["retry_in_s"] == 180
        wait_until(lambda: row(db, "run_after > now() + interval '2 min'") == (True,))
    assert len(events.all("preparation.put_off")) == 1


def test_a_delay_keeps_others_away_until_it_is_over(db: psycopg.Connection) -> None:
    preparations = make_preparations()
    batch_id = batch(db, None)
    take(db, preparations)
    preparations.release(db, batch_id, "test/p1", delay=timedelta(hours=9), tries=2)
    assert preparations.take(db, "test/p1") is None
    pass_time(db, 301)  # more than five minutes is what a clock says that was put back
    assert take(db, preparations).tries == 2


def test_a_step_that_always_fails_ends_the_batch(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    def step(hold: Hold) -> timedelta | None:
        raise RuntimeError("a defect")

    with Engine(database.session, preparing(step)):
        batch_id = batch(db, None)
        events.wait_for("batch.failed", batch_id=batch_id)
    assert "a defect" in read_batch(db, batch_id)["error_message"]
    assert len(events.all("preparation.put_off")) == 7


def test_what_kills_three_processes_ends_the_batch(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    batch_id = batch(db, None)
    db.execute(
        "INSERT INTO batch_preparations (workload, batch_id, claimed_by, kept_until, deaths)"
        " VALUES ('categorization', %s, 'here/p9', now() - interval '1 s', 3)",
        (batch_id,),
    )
    with Engine(database.session, preparing(lambda _: pytest.fail("it must not be tried again"))):
        events.wait_for("batch.failed", batch_id=batch_id)
    assert "ended 3 processes" in read_batch(db, batch_id)["error_message"]


def test_the_retry_limit_is_known_before_anything_is_done(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    with Engine(database.session, preparing(lambda _: pytest.fail("nothing is to be prepared"))):
        batch_id = batch(db, None, retry_count=3)
        events.wait_for("batch.failed", batch_id=batch_id)
    assert "retry limit" in read_batch(db, batch_id)["error_message"]


def test_nothing_is_locked_while_it_is_prepared(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    ids = shop(db, products=1)
    began, go_on = threading.Event(), threading.Event()

    def step(hold: Hold) -> timedelta | None:
        began.set()
        assert go_on.wait(20)
        return lists(hold, ids)

    with Engine(database.session, preparing(step)):
        batch_id = batch(db, None)
        assert began.wait(20)
        busy = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
        ).fetchone()
        assert busy == (0,)
        db.execute("SELECT FROM categorization_batches WHERE id = %s FOR UPDATE NOWAIT", (batch_id,))
        go_on.set()
        events.wait_for("batch.completed", batch_id=batch_id)


def test_many_are_prepared_side_by_side(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    ids = shop(db, products=1)
    together = threading.Barrier(4)

    def step(hold: Hold) -> timedelta | None:
        together.wait(20)
        return lists(hold, ids)

    with Engine(database.session, preparing(step), preparers=4):
        for _ in range(4):
            batch(db, None)
        events.wait_for("batch.completed", count=4)


def test_a_preparer_that_is_lost_in_its_own_code_ends_the_process(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    release = threading.Event()

    def step(hold: Hold) -> timedelta | None:
        release.wait()
        raise BatchFailed("it is over")

    with Engine(database.session, preparing(step), frozen=ms(100)) as engine:
        batch(db, None)
        assert "p1" in str(events.wait_for("thread.silent")["thread"])
        release.set()
        assert engine.wait() == 1


def test_a_batch_that_was_set_back_begins_anew(db: psycopg.Connection) -> None:
    """What failed before does not count, and what was ready then may not be so any more."""
    preparations = make_preparations()
    batch_id = batch(db, None)
    take(db, preparations)
    preparations.release(db, batch_id, "test/p1", delay=timedelta(0), tries=5)
    db.execute("UPDATE categorization_batches SET retry_count = 1")
    assert take(db, preparations) == Taken(batch_id, 0, 0)
    preparations.release(db, batch_id, "test/p1", is_ready=True)
    assert preparations._queue.backlog(db).to_plan
    db.execute("UPDATE categorization_batches SET retry_count = 2")
    seen = preparations._queue.backlog(db)
    assert (seen.to_plan, seen.to_prepare) == (False, True)
    assert preparations._queue.plan(db) == []
    assert take(db, preparations).batch_id == batch_id


def test_what_a_process_died_with_is_taken_one_at_a_time(db: psycopg.Connection, database: Database) -> None:
    """Eight lists were in hand, and one of them is poison: the others must not be counted out with it."""
    preparations, crew = make_preparations(), Crew()
    for _ in range(3):
        batch(db, None)
    for number in range(3):
        take(db, preparations, f"dead/p{number}")
    db.execute("UPDATE batch_preparations SET deaths = 1, kept_until = now() - interval '1 hour'")
    with database.session.connect() as conn:
        assert isinstance(conn, BoundedConnection)
        first = crew.take(preparations, conn, "test/p1")
        assert first is not None
        assert crew.take(preparations, conn, "test/p2") is None
        clean = batch(db, None)
        beside = crew.take(preparations, conn, "test/p2")
        assert beside is not None
        assert beside.batch_id == clean
        crew.put_down(first)
        second = crew.take(preparations, conn, "test/p1")
        assert second is not None
        assert second.batch_id != first.batch_id


def test_preparers_are_told_of_work_while_every_worker_treats(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    ids = shop(db, products=40)
    begun: list[int] = []

    def step(hold: Hold) -> timedelta | None:
        begun.append(hold.batch_id)
        return lists(hold, ids)

    workload = RecordingWorkload(slice_size=1, preparing=step)
    late = threading.Event()

    def before(conn: psycopg.Connection, items: object) -> None:
        if len(workload.calls) == 2:
            with database.connect() as php:
                batch(php, None)
            late.set()
        elif len(workload.calls) == 20:
            wait_until(lambda: len(begun) == 2)  # though nobody stands at the post

    workload.before = before
    batch(db, None)
    with Engine(database.session, workload, workers=1, listens=False, pace=Pace(look_again=ms(10))):
        events.wait_for("batch.completed", count=2)
    assert late.is_set()


def test_rows_that_nobody_waits_for_are_swept_now_and_then(db: psycopg.Connection, database: Database) -> None:
    preparations, crew = make_preparations(), Crew()
    batch_id = batch(db, None)
    take(db, preparations)
    preparations.release(db, batch_id, "test/p1", delay=timedelta(hours=1))
    db.execute("UPDATE categorization_batches SET status = 'cancelled'")
    crew._swept_at -= 61
    with database.session.connect() as conn:
        assert isinstance(conn, BoundedConnection)
        assert crew.take(preparations, conn, "test/p1") is None
    assert row(db, "batch_id") is None
