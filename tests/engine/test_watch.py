"""Workers whose answer was lost, workers that never come back, and what is said of a server that is away."""

import itertools
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon.database.pool import BoundedConnection, Session
from daemon.database.statements import statement
from daemon.engine import supervisor
from daemon.engine.queue import Timing
from daemon.engine.watch import Watch
from daemon.engine.workload import Item
from tests.support.database import Database
from tests.support.engine import Engine, make_queue, ms
from tests.support.events import EventTap
from tests.support.factories import batch, errors_of, read_batch, shop
from tests.support.proxy import Proxy
from tests.support.roles import RUNTIME, give_rights
from tests.support.waiting import wait_until, wait_until_blocked, wait_until_idle
from tests.support.workload import Gate, RecordingWorkload

pytestmark = pytest.mark.one_server  # its subject is the thread


@dataclass
class Hand:
    """Whom the watch looks after."""

    name: str
    connection: BoundedConnection | None


def test_a_worker_whose_answer_was_lost_begins_anew(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    gate = Gate()
    product_ids = shop(db, products=3)
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        session = Session(proxy.dsn, "catalogd test", connect_timeout=ms(2000))
        with Engine(
            session,
            RecordingWorkload(before=gate),
            workers=1,
            listens=False,
            answer=ms(100),
            watch_session=database.session,
        ) as engine:
            batch_id = batch(db, product_ids)
            engine.lookout.wakeup.ring()
            assert gate.reached.wait(10)
            proxy.stall()
            gate.open()
            severed = events.wait_for("worker.severed")
            assert severed["worker"] == "here/1"
            events.wait_for("slice.retried")
            proxy.resume()
            events.wait_for("batch.completed", batch_id=batch_id)
    assert read_batch(db, batch_id)["success_products"] == 3


def test_a_statement_that_the_server_works_on_may_last(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    def wait_for_the_lock(conn: psycopg.Connection, _items: Sequence[Item]) -> None:
        conn.execute("SET LOCAL lock_timeout = 0")
        conn.execute("SELECT pg_advisory_xact_lock(7)")

    batch_id = batch(db, shop(db, products=1))
    workload = RecordingWorkload(before=wait_for_the_lock)
    with database.connect() as other:
        other.execute("SELECT pg_advisory_lock(7)")
        with Engine(database.session, workload, workers=1, answer=ms(20)) as engine:
            wait_until_blocked(db, other)
            engine.look_with_the_watch(looks=10)
            other.execute("SELECT pg_advisory_unlock(7)")
            events.wait_for("batch.completed", batch_id=batch_id)
    assert events.all("worker.severed") == []


def test_an_answer_that_is_read_between_two_looks_was_not_lost(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """At the first look the server waits for the client, who has not yet read what it said."""
    stop = threading.Event()
    looks = itertools.count(1)
    with database.session.connect("of a worker") as conn:
        assert isinstance(conn, BoundedConnection)
        conn.pgconn.send_query(b"SELECT 1")
        wait_until_idle(db, conn)

        def read_before_the_second_look() -> None:
            look = next(looks)
            while look == 2 and conn.pgconn.get_result() is not None:
                pass
            if look == 4:
                stop.set()

        connect = partial(database.session.connect, "watch")
        Watch(connect, [Hand("here/1", conn)], stop, answer=ms(10), on_look=read_before_the_second_look).run()
        assert conn.severed_at is None
        assert conn.execute("SELECT 2").fetchone() == (2,)
    assert events.all("worker.severed") == []


def test_of_those_that_are_severed_only_ours_are_ended_and_none_that_works(
    db: psycopg.Connection, database: Database
) -> None:
    """Asked as a superuser, who may end anybody's: numbers of processes are given anew."""
    give_rights(database)
    with ExitStack() as stack:

        def connect(name: str, **different: str) -> psycopg.Connection:
            dsn = make_conninfo(database.dsn, application_name=name, **different)
            return stack.enter_context(closing(psycopg.connect(dsn, autocommit=True)))

        ours, strangers = connect("catalogd here"), connect("psql")
        theirs, working = connect("catalogd here", user=RUNTIME), connect("catalogd here")
        db.execute("SELECT pg_advisory_lock(7)")
        working.pgconn.send_query(b"SELECT pg_advisory_lock(7)")
        wait_until_blocked(strangers, db)
        for idle in (ours, strangers, theirs):
            wait_until_idle(db, idle)
        pids = [conn.info.backend_pid for conn in (ours, strangers, theirs, working)]
        assert db.execute(statement("daemon.engine", "end_sessions"), {"pids": pids}).fetchall() == [(True,)]
        wait_until(lambda: {pid for pid, *_ in database.sessions()} & set(pids) == set(pids[1:]))
        db.execute("SELECT pg_advisory_unlock(7)")
        wait_until_idle(db, working)


def test_a_worker_that_never_returns_ends_the_process(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    gate = Gate()
    session = Session(database.dsn, "catalogd test", idle_in_transaction=ms(500))
    batch(db, shop(db, products=1))
    with Engine(session, RecordingWorkload(before=gate), workers=1, frozen=ms(500)) as engine:
        silent = events.wait_for("thread.silent")
        assert silent["level"] == "error"
        assert any(place.endswith(" process") for place in silent["frames"])
        assert events.wait_for("daemon.stopping")["signal"] == f"{silent['thread']} is silent"
        assert engine.wait() == 1
        assert engine.left == 1
        gate.open()
        wait_until(lambda: not engine.is_alive(silent["thread"]))
    claimed = db.execute("SELECT attempts, claimed_by FROM batch_slices").fetchall()
    assert claimed == [(1, silent["thread"])]  # the attempt counts: another that takes it knows


def test_a_worker_that_never_reads_its_answer_ends_the_process(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """It looks like one that waits for the server, until the server says that it waits for us."""
    gate = Gate()

    def leave_the_answer(conn: psycopg.Connection, items: Sequence[Item]) -> None:
        conn.pgconn.send_query(b"SELECT 1")
        gate(conn, items)

    batch(db, shop(db, products=1))
    workload = RecordingWorkload(before=leave_the_answer)
    with Engine(database.session, workload, workers=1, frozen=ms(500), answer=ms(50)) as engine:
        assert events.wait_for("worker.severed")["worker"] == "here/1"
        assert events.wait_for("thread.silent")["thread"] == "here/1"
        assert engine.wait() == 1
        gate.open()
        wait_until(lambda: not engine.is_alive("here/1"))


def test_an_item_that_ends_its_session_each_time_is_refused_in_the_end(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    def end_the_session(conn: psycopg.Connection, items: Sequence[Item]) -> None:
        if any(item.id == 2 for item in items):
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    batch_id = batch(db, shop(db, products=3))
    with Engine(database.session, RecordingWorkload(before=end_the_session), workers=1):
        events.wait_for("batch.completed", batch_id=batch_id, timeout_s=60)
    assert errors_of(db, batch_id) == [("2", "worker_died")]
    assert read_batch(db, batch_id)["success_products"] == 2


def test_a_stop_leaves_a_worker_behind_that_never_returns(
    db: psycopg.Connection, database: Database, events: EventTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LEAVE_PATIENCE_S", 0.3)
    gate = Gate()
    batch(db, shop(db, products=1))
    with Engine(database.session, RecordingWorkload(before=gate), grace=ms(100)) as engine:
        assert gate.reached.wait(10)
        engine.inbox.put(15)
        silent = events.wait_for("thread.silent")
        assert engine.wait() == 1
        assert engine.left == 1
        gate.open()
        wait_until(lambda: not engine.is_alive(silent["thread"]))


def test_items_that_outlast_the_servers_patience_use_up_their_attempt(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    """Were it given back, a slice that always takes too long would be tried for ever."""

    def oversleep(conn: psycopg.Connection, _items: Sequence[Item]) -> None:
        pid = conn.info.backend_pid
        wait_until(lambda: pid not in [session[0] for session in database.sessions()])

    session = Session(database.dsn, "catalogd test", idle_in_transaction=ms(200))
    workload = RecordingWorkload(before=oversleep)
    batch_id = batch(db, shop(db, products=1))
    with Engine(session, workload, workers=1, timing=Timing(frozen=ms(200))):
        events.wait_for("batch.completed", batch_id=batch_id)
    assert read_batch(db, batch_id)["error_products"] == 1
    assert db.execute("SELECT code FROM categorization_errors").fetchall() == [("worker_died",)]
    assert len(workload.calls) == 3


def test_a_statement_that_never_ends_uses_up_its_attempt(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    def wait_for_ever(conn: psycopg.Connection, items: Sequence[Item]) -> None:
        if any(item.id == 1 for item in items):
            conn.execute("SELECT pg_sleep(3600)")

    workload = RecordingWorkload(before=wait_for_ever)
    batch_id = batch(db, shop(db, products=2))
    timing = Timing(frozen=ms(200), endless=ms(300))
    with Engine(database.session, workload, workers=1, timing=timing):
        events.wait_for("batch.completed", batch_id=batch_id)
    assert errors_of(db, batch_id) == [("1", "worker_died")]
    assert read_batch(db, batch_id)["success_products"] == 1


def test_readiness_is_lost_with_the_database_and_comes_back(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    product_ids = shop(db, products=3)
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        session = Session(proxy.dsn, "catalogd test", connect_timeout=ms(2000))
        with Engine(session, workers=2) as engine:
            assert engine.readiness.trouble is None
            proxy.refuse()
            lost = events.wait_for("daemon.unready", timeout_s=40)
            assert lost["what"] == "database"
            proxy.resume()
            events.wait_for("daemon.ready", timeout_s=40)
            batch_id = batch(db, product_ids)
            events.wait_for("batch.completed", batch_id=batch_id)
            assert engine.readiness.trouble is None
    assert len(events.all("daemon.unready")) == 1


def test_readiness_is_lost_while_nothing_can_be_treated(
    db: psycopg.Connection, database: Database, events: EventTap
) -> None:
    is_well = threading.Event()

    def before(conn: psycopg.Connection, _items: Sequence[Item]) -> None:
        if not is_well.is_set():
            conn.execute("DO $$ BEGIN RAISE 'no space left' USING ERRCODE = 'disk_full'; END $$")

    product_ids = shop(db, products=3)
    batch(db, product_ids)  # stays open: readiness comes back because work succeeds, not because none is left
    make_queue().plan(db)
    db.execute("UPDATE batch_slices SET run_after = now() + interval '4 minutes'")
    with Engine(database.session, RecordingWorkload(before=before)) as engine:
        batch_id = batch(db, product_ids)
        assert events.wait_for("daemon.unready").items() >= {"what": "workload", "error": "no space left"}.items()
        is_well.set()
        events.wait_for("batch.completed", batch_id=batch_id)
        events.wait_for("daemon.ready")
        assert engine.readiness.trouble is None
    assert read_batch(db, batch_id)["success_products"] == 3
