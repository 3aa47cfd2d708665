"""Real threads: who looks out, who is woken, what is taken over, and how they stop."""

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from daemon.database.pool import BoundedConnection
from daemon.engine import worker
from daemon.engine.backoff import Backoff
from daemon.engine.company import Company
from daemon.engine.queue import Backlog, Timing
from daemon.engine.readiness import Readiness
from daemon.engine.supervisor import Inbox, StopRequested, ThreadEnded
from daemon.engine.wakeup import Wakeup
from daemon.engine.worker import Lookout, Pace, Worker
from daemon.engine.workload import Ended, Item
from tests.support.database import Database
from tests.support.engine import Engine, NoListener, claim, make_queue, make_runner, ms
from tests.support.events import EventTap
from tests.support.factories import age_claims, batch, errors_of, read_batch, shop
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until, wait_until_blocked
from tests.support.workload import Gate, RecordingWorkload, refuse

pytestmark = pytest.mark.one_server  # its subject is the thread

ASLEEP = Pace(safety_poll=timedelta(hours=1))
ONLY_RUNG = Pace(look_again=timedelta(hours=1), safety_poll=timedelta(hours=1))


def is_settled(db: psycopg.Connection, batch_id: int) -> bool:
    return bool(read_batch(db, batch_id)["status"] == "completed")


def test_at_rest_only_one_looks_out(database: Database) -> None:
    with Engine(database.session, workers=4, listens=False, pace=Pace(safety_poll=ms(20))) as engine:
        engine.look_out(looks=15)
        assert len(set(engine.queue.looks)) == 1


def test_the_safety_poll_finds_work_that_no_bell_announced(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    with Engine(database.session, listens=False, pace=Pace(safety_poll=ms(50))) as engine:
        engine.look_out(looks=2)
        batch_id = batch(db, shop(db, products=3))
        events.wait_for("batch.completed", batch_id=batch_id)


def test_a_notification_wakes_a_sleeping_instance(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    product_ids = shop(db, products=3)
    with Engine(database.session, pace=ASLEEP) as engine:
        engine.fall_asleep()
        batch_id = batch(db, product_ids)
        events.wait_for("batch.completed", batch_id=batch_id)
        assert is_settled(db, batch_id)


def test_a_slice_that_takes_long_keeps_nobody_from_the_next(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """The other worker is woken for it: it would not look again by itself."""
    gate = Gate()
    workload = RecordingWorkload(slice_size=1, before=gate)
    product_ids = shop(db, products=3)
    with Engine(database.session, workload, workers=2, pace=ONLY_RUNG) as engine:
        engine.fall_asleep()
        batch(db, product_ids)
        assert gate.reached.wait(10)
        wait_until(lambda: len(workload.calls) == 3)
        gate.open()
        events.wait_for("batch.completed")


def test_a_tiny_batch_keeps_one_worker_busy_and_no_other(
    db: psycopg.Connection, database: Database, events: EventTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    product_ids = shop(db, products=3)
    with Engine(database.session, workers=4, pace=ASLEEP) as engine:
        engine.fall_asleep()
        claimed = engine.queue.claim
        claiming: list[str] = []
        monkeypatch.setattr(engine.queue, "claim", lambda conn, name: claiming.append(name) or claimed(conn, name))
        batch(db, product_ids)
        events.wait_for("batch.completed")
        engine.fall_asleep()
    assert len(set(claiming)) == 1


def test_what_a_peer_holds_is_taken_soon_after_the_peer_is_gone(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """The instance was at rest, and all it heard was one bell with nothing to claim."""
    batch(db, shop(db, products=1))
    queue = make_queue()
    with Engine(database.session, workers=4, pace=ASLEEP) as engine:
        events.wait_for("batch.completed")
        engine.fall_asleep()
        peer = database.connect()
        with peer.transaction():  # plans and claims before anyone else can see the batch
            second = batch(peer, [1])
            queue.plan(peer)
            taken = claim(peer, queue, "dead")
            age_claims(peer, seconds=-0.35)
        peer.execute("BEGIN")
        assert queue.lock(peer, taken)
        wait_until(lambda: len(engine.queue.looks) > 10)  # it looks again and again, though it can claim nothing
        peer.close()
        ended = monotonic()
        events.wait_for("batch.completed", batch_id=second)
        assert monotonic() - ended < 1.0


def test_when_the_bell_falls_silent_the_sleeping_lookout_begins_to_poll(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    with Engine(database.session, workers=4, pace=ASLEEP, listens=False) as engine:
        engine.fall_asleep()
        engine.lookout.is_deaf.set()
        engine.lookout.wakeup.ring()  # as the listener does
        engine.look_out(looks=5)


def test_a_bell_that_rings_between_looking_and_sleeping_is_heard(db: psycopg.Connection, database: Database) -> None:
    with Engine(database.session, workers=4, pace=ASLEEP, listens=False) as engine:
        engine.fall_asleep()

        def a_peer_takes_a_batch() -> None:
            engine.queue.after_look = lambda: None
            db.execute(
                "WITH batch AS (INSERT INTO categorization_batches (product_ids, status) VALUES ('[1]', 'processing')"
                " RETURNING id)"
                " INSERT INTO batch_slices (workload, batch_id, turn, items, run_after)"
                " SELECT 'categorization', id, 0, '{1}', now() + interval '1 minute' FROM batch"
            )
            engine.lookout.wakeup.ring()

        engine.queue.after_look = a_peer_takes_a_batch
        engine.lookout.wakeup.ring()
        engine.look_out(looks=6)


def test_after_the_work_the_instance_goes_back_to_sleep(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    with Engine(database.session, pace=ASLEEP) as engine:
        batch(db, shop(db, products=1))
        events.wait_for("batch.completed")
        quiet = threading.Event()
        looks = -1
        while looks != len(engine.queue.looks):
            looks = len(engine.queue.looks)
            quiet.wait(0.6)  # three times the pause of an instance that is awake


def test_transient_trouble_is_tried_again_until_it_succeeds(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    workload = RecordingWorkload()
    failures = iter([psycopg.errors.DeadlockDetected("later")] * 3)

    def before(_conn: psycopg.Connection, _items: Sequence[Item]) -> None:
        for failure in failures:
            raise failure

    workload.before = before
    with Engine(database.session, workload):
        batch_id = batch(db, shop(db, products=2))
        assert events.wait_for("batch.completed", batch_id=batch_id)["success"] == 2
    assert len(events.all("slice.retried")) == 3


def test_workers_whose_sessions_are_ended_go_on_with_new_ones(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    gate = Gate()
    workload = RecordingWorkload(slice_size=1, before=gate)
    with Engine(database.session, workload):
        batch_id = batch(db, shop(db, products=4))
        assert gate.reached.wait(10)
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'catalogd test%'"
        )
        gate.open()
        assert events.wait_for("batch.completed", batch_id=batch_id)["success"] == 4
    count = db.execute("SELECT count(*), count(DISTINCT product_id) FROM predictions").fetchone()
    assert count == (4, 4)
    assert events.wait_for("worker.waiting")["level"] == "warning"


def test_a_slice_whose_connection_was_lost_is_given_back_on_the_next_one(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """For anybody to take at once, and its attempt does not count."""
    attempts: list[int] = []

    def lose_the_first(conn: psycopg.Connection, _items: Sequence[Item]) -> None:
        attempts.extend(number for (number,) in conn.execute("SELECT attempts FROM batch_slices"))
        if len(attempts) == 1:
            pid = conn.info.backend_pid
            db.execute("SELECT pg_terminate_backend(%s)", (pid,))
            wait_until(lambda: pid not in [session[0] for session in database.sessions()])

    patient = Timing(grace=timedelta(hours=1))  # nobody takes over what is still claimed
    with Engine(database.session, RecordingWorkload(before=lose_the_first), workers=1, timing=patient):
        batch_id = batch(db, shop(db, products=2))
        assert events.wait_for("batch.completed", batch_id=batch_id)["success"] == 2
    assert attempts == [1, 1]


def test_a_database_that_is_away_is_not_asked_again_before_its_time(events: EventTap) -> None:
    stop, asked, asked_again = threading.Event(), threading.Event(), threading.Event()

    def fail() -> None:
        (asked_again if asked.is_set() else asked).set()
        raise psycopg.OperationalError("away")

    queue = make_queue()
    worker = Worker(
        "w",
        SimpleNamespace(connection=fail),  # type: ignore[arg-type]
        queue,
        make_runner(queue, RecordingWorkload()),
        Lookout(Wakeup(), ASLEEP),
        Company(),
        stop,
        Backoff(random.Random(1), 3600, 3600),
        Readiness(),
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(worker.run)
        events.wait_for("worker.waiting")
        is_early = asked_again.wait(0.3)
        stop.set()
        running.result(10)
    assert not is_early


def test_a_poison_batch_ends_and_the_others_are_done(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    workload = RecordingWorkload(slice_size=2, before=refuse(1, 2))
    poison, good = batch(db, shop(db, products=6)[:2]), batch(db, [3, 4, 5, 6])
    with Engine(database.session, workload, workers=1):
        events.wait_for("batch.completed", batch_id=good, timeout_s=8)
        assert events.wait_for("batch.completed", batch_id=poison)["errors"] == 2
    assert errors_of(db, poison) == [("1", "refused"), ("2", "refused")]


def test_a_frozen_peer_is_ended_by_the_patrol(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    batch_id = batch(db, shop(db, products=1))
    queue = make_queue()
    frozen = psycopg.connect(database.dsn, autocommit=True, application_name="catalogd frozen")
    queue.plan(frozen)
    taken = claim(frozen, queue, "frozen")
    frozen.execute("BEGIN")
    queue.lock(frozen, taken)
    frozen.pgconn.send_query(b"COPY users FROM STDIN")
    pace = Pace(patrol=ms(50))
    with Engine(database.session, pace=pace, timing=Timing(frozen=ms(300))):
        assert events.wait_for("session.ended")["application_name"] == "catalogd frozen"
        events.wait_for("batch.completed", batch_id=batch_id)
    frozen.close()


def test_an_orphan_is_found_while_there_is_other_work(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """The only worker never rests before the other batch is done."""
    product_ids = shop(db, products=6)
    other, orphan = batch(db, product_ids), batch(db, product_ids[:1], status="processing")
    with Engine(database.session, RecordingWorkload(slice_size=1), workers=1, listens=False):
        for batch_id in (other, orphan):
            events.wait_for("batch.completed", batch_id=batch_id)
    told = [(event["event"], event.get("batch_id")) for event in events.all()]
    assert told.index(("batch.orphaned", orphan)) < told.index(("batch.completed", other))


def test_a_crashed_thread_stops_everything_with_exit_code_1(
    db: psycopg.Connection, database: Database, events: EventTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Engine(database.session, workers=3) as engine:

        def crash(*_: object) -> Backlog:
            raise RuntimeError("a bug")

        monkeypatch.setattr(engine.queue, "claim", crash)
        began = monotonic()
        batch(db, [1])
        crashed = events.wait_for("thread.crashed")
        assert engine.wait() == 1
        assert monotonic() - began < 10
    assert crashed.items() >= {"level": "error", "error_type": "RuntimeError", "error": "a bug"}.items()
    assert crashed["thread"].startswith("here/")
    events.wait_for("daemon.stopped")


@pytest.mark.parametrize("thread", ["listener", "here/1", "here/3", "watch"])
def test_where_a_thread_cannot_be_started_those_that_were_are_stopped(
    database: Database, events: EventTap, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    """A limit of processes, as a container has."""
    start = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        if self.name == thread:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with Engine(database.session, workers=3) as engine:
        assert engine.wait() == 1
    assert events.wait_for("thread.crashed")["error"] == "can't start new thread"
    assert events.wait_for("daemon.stopping")["signal"] == "main crashed"


def test_an_error_of_the_main_thread_lets_the_workers_finish_and_ends_the_process(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    class BrokenInbox(Inbox):  # type: ignore[misc]
        is_broken = threading.Event()

        def get(self, *arguments: Any, **keywords: Any) -> Any:
            message = super().get(*arguments, **keywords)
            if message == "break" and not self.is_broken.is_set():
                self.is_broken.set()
                raise OSError("out of files")
            return message

    gate = Gate()
    batch_id = batch(db, shop(db, products=1))
    with Engine(database.session, RecordingWorkload(before=gate), inbox=BrokenInbox()) as engine:
        assert gate.reached.wait(10)
        engine.inbox.put("break")  # type: ignore[arg-type]
        assert events.wait_for("thread.crashed").items() >= {"thread": "main", "error": "out of files"}.items()
        events.wait_for("daemon.stopping")
        gate.open()
        assert engine.wait() == 1
    assert read_batch(db, batch_id)["success_products"] == 1


def test_an_error_while_stopping_ends_the_process_at_once(
    database: Database, events: EventTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt = NoListener.interrupt

    def fail(listener: NoListener) -> None:
        interrupt(listener)
        raise OSError("out of files")

    monkeypatch.setattr(NoListener, "interrupt", fail)
    with Engine(database.session, listens=False) as engine:
        engine.inbox.put(15)
        assert engine.wait() == 1
        assert engine.left == 1
    assert events.wait_for("thread.crashed").items() >= {"thread": "main", "error": "out of files"}.items()


def test_a_batch_that_cannot_be_planned_now_is_told_and_other_work_goes_on(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    db.execute(
        "CREATE FUNCTION run_out_of_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no space left on device' USING ERRCODE = 'disk_full'; END $$"
    )
    db.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON batch_slices FOR EACH ROW WHEN (NEW.priority = 13)"
        " EXECUTE FUNCTION run_out_of_disk()"
    )
    unlucky, other = batch(db, [1], priority=13), batch(db, shop(db, products=1))
    with Engine(database.session, workers=1) as engine:
        put_off = events.wait_for("batch.put_off", batch_id=unlucky)
        events.wait_for("batch.completed", batch_id=other)
        wait_until(lambda: "no space left" in (engine.readiness.trouble or ""))  # there is nothing else that goes on
        db.execute("DROP TRIGGER full_disk ON batch_slices")
        events.wait_for("batch.completed", batch_id=unlucky)
        wait_until(lambda: engine.readiness.trouble is None)
    keys = {"level": "error", "error_type": "DiskFull", "error": "no space left on device", "sqlstate": "53100"}
    assert put_off.items() >= keys.items()
    assert put_off["retry_in_s"] == 1.0


@pytest.mark.parametrize(("last_s", "is_forgotten"), [(0.0, True), (60.0, False)])
def test_plans_are_forgotten_from_time_to_time_while_there_is_work(
    db: psycopg.Connection,
    database: Database,
    events: EventTap,
    monkeypatch: pytest.MonkeyPatch,
    last_s: float,
    is_forgotten: bool,
) -> None:
    """Tables grow under a session that works; it must not go on by the plans for small ones."""
    monkeypatch.setattr(worker, "PLANS_LAST_S", last_s)
    said: list[object] = []
    execute = BoundedConnection.execute

    def record(conn: BoundedConnection, query: Any, *arguments: Any, **keywords: Any) -> Any:
        said.append(query)
        return execute(conn, query, *arguments, **keywords)

    monkeypatch.setattr(BoundedConnection, "execute", record)
    batch_id = batch(db, shop(db, products=3))
    with Engine(database.session, RecordingWorkload(slice_size=1)):
        events.wait_for("batch.completed", batch_id=batch_id)
    assert ("DISCARD PLANS" in said) is is_forgotten


class SlowInbox:
    """A thread that tells its end is not gone yet."""

    def __init__(self) -> None:
        self._inbox = Inbox()

    def put(self, message: ThreadEnded | StopRequested | int) -> None:
        self._inbox.put(message)
        if isinstance(message, ThreadEnded):
            threading.Event().wait(1.0)

    def get(self, timeout: float | None = None) -> ThreadEnded | StopRequested | int:
        return self._inbox.get(timeout=timeout)


def test_the_only_workers_crash_does_not_wait_for_the_grace_period(
    db: psycopg.Connection, database: Database, events: EventTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Engine(database.session, workers=1, inbox=SlowInbox()) as engine:  # type: ignore[arg-type]
        monkeypatch.setattr(engine.queue, "claim", lambda *_: 1 / 0)
        batch(db, [1])
        events.wait_for("daemon.stopped", timeout_s=8)
    assert engine.code == 1


def test_a_stop_while_all_rest_is_immediate_and_clean(database: Database, events: EventTap) -> None:
    with Engine(database.session, workers=4, pace=ASLEEP) as engine:
        engine.fall_asleep()
    assert engine.code == 0
    assert events.wait_for("daemon.stopped")["duration_ms"] < 3000
    told = [event["event"] for event in events.all()]
    assert told[-2:] == ["daemon.stopping", "daemon.stopped"]


def test_a_stop_lets_the_slice_in_hand_be_committed(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    gate = Gate()
    with Engine(database.session, RecordingWorkload(slice_size=1, before=gate), workers=1) as engine:
        batch_id = batch(db, shop(db, products=3))
        assert gate.reached.wait(10)
        engine.inbox.put(15)
        events.wait_for("daemon.stopping", signal="SIGTERM")
        wait_until(engine.stop_event.is_set)
        gate.open()
        assert engine.wait() == 0
    assert read_batch(db, batch_id)["processed_products"] == 1
    assert db.execute("SELECT items, attempts FROM batch_slices ORDER BY id").fetchall() == [([2], 0), ([3], 0)]


def lock_product(conn: psycopg.Connection, _items: Sequence[Item]) -> None:
    conn.execute("SELECT FROM products WHERE id = 1 FOR UPDATE")


@pytest.mark.parametrize("second", ["signal", "grace"])
def test_past_the_grace_or_at_a_second_signal_the_slice_is_rolled_back(
    db: psycopg.Connection, database: Database, events: EventTap, second: str
) -> None:
    batch_id = batch(db, shop(db, products=1))
    grace = ms(300) if second == "grace" else timedelta(minutes=5)
    with database.connect() as php, php.transaction():
        php.execute("SELECT FROM products WHERE id = 1 FOR UPDATE")
        with Engine(database.session, RecordingWorkload(before=lock_product), grace=grace) as engine:
            wait_until_blocked(db, php)
            engine.inbox.put(15)
            events.wait_for("daemon.stopping")
            if second == "signal":
                engine.inbox.put(15)
            assert engine.wait(8) == 0
    assert db.execute("SELECT attempts, claimed_by FROM batch_slices").fetchall() == [(0, None)]
    assert read_batch(db, batch_id)["processed_products"] == 0


def test_a_cancellation_that_comes_too_early_is_repeated(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """It came while the slice was between two statements, of which the second then waits for a lock."""
    gate = Gate()

    def before(conn: psycopg.Connection, items: Sequence[Item]) -> None:
        gate(conn, items)
        lock_product(conn, items)

    batch(db, shop(db, products=1))
    with database.connect() as php, php.transaction():
        php.execute("SELECT FROM products WHERE id = 1 FOR UPDATE")
        with Engine(database.session, RecordingWorkload(before=before), grace=timedelta(minutes=5)) as engine:
            assert gate.reached.wait(10)
            engine.inbox.put(15)
            engine.inbox.put(15)
            wait_until(engine._cancelled.is_set)
            gate.open()
            assert engine.wait(8) == 0


def test_a_worker_that_no_cancellation_reaches_is_cut_off(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    workload = RecordingWorkload(before=lock_product)
    batch(db, shop(db, products=1))
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        session = type(database.session)(proxy.dsn, "catalogd test", connect_timeout=ms(2000))
        with database.connect() as php, php.transaction():
            php.execute("SELECT FROM products WHERE id = 1 FOR UPDATE")
            with Engine(session, workload, workers=1, listens=False) as engine:
                wait_until_blocked(db, php)
                proxy.stall()
                engine.inbox.put(15)
                engine.inbox.put(15)
                assert engine.wait(25) == 0


def test_looking_out_tells_whether_something_is_open() -> None:
    told: list[bool] = []
    lookout = Lookout(Wakeup(), Pace(look_again=ms(1), safety_poll=ms(1)), told.append)
    assert not lookout.wait(Backlog(to_plan=False, to_treat=False, processing=True))
    assert not lookout.wait(Backlog(to_plan=False, to_treat=False, processing=False))
    assert not lookout.wait(Backlog(to_plan=False, to_treat=False, processing=False, preparing=True))
    assert told == [True, False, True]


def test_the_patrol_is_due_once_per_interval() -> None:
    lookout = Lookout(Wakeup(), Pace(patrol=timedelta(hours=1)))
    assert [lookout.is_patrol_due() for _ in range(3)] == [True, False, False]


def test_the_workload_is_told_of_batches_that_end_with_their_planning_too(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    workload = RecordingWorkload()
    with Engine(database.session, workload) as engine:
        empty = batch(db, [])
        events.wait_for("batch.completed", batch_id=empty)
        full = batch(db, shop(db, products=2))
        events.wait_for("batch.completed", batch_id=full)
        engine.fall_asleep()
    assert workload.told == [Ended(empty, 0), Ended(full, 2)]
