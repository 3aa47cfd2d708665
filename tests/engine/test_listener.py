"""Listening: a hint that is proved, lost and found again; never the only way."""

import itertools
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest

from daemon.database.pool import Session
from daemon.engine.backoff import Backoff
from daemon.engine.listener import CHANNEL, Hearing, Listener
from daemon.engine.wakeup import Wakeup
from daemon.engine.worker import Lookout, Pace
from tests.support.database import Database
from tests.support.engine import ms
from tests.support.events import EventTap
from tests.support.factories import batch
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the thread

QUICK = Hearing(probe_every=ms(100), probe_deadline=ms(300), self_test=ms(500), retest=ms(200))
SLOW = Hearing(probe_every=ms(60_000))

Run = Callable[..., AbstractContextManager[Lookout]]


@pytest.fixture
def listen(database: Database) -> Iterator[Run]:
    """Runs a listener in a thread, and gives the lookout whose bell it rings."""

    @contextmanager
    def run(
        hearing: Hearing = SLOW,
        dsn: str | None = None,
        notify: Callable[[str], None] | None = None,
        lookouts: Sequence[Lookout] = (),
    ) -> Iterator[Lookout]:
        stop, lookout = threading.Event(), Lookout(Wakeup(), Pace(), table="categorization_batches")
        session = Session(dsn or database.dsn, "catalogd test", connect_timeout=ms(2000))

        def send(channel: str) -> None:
            with database.connect() as conn:
                conn.execute("SELECT pg_notify(%s, '')", (channel,))

        listener = Listener(
            lambda: session.connect("listener"),
            notify or send,
            lookouts or [lookout],
            stop,
            Backoff(random.Random(1), 0.02, 0.1),
            hearing,
        )
        thread = threading.Thread(target=listener.run, name="listener")
        thread.start()
        assert listener.is_settled.wait(10)
        try:
            yield lookout
        finally:
            stop.set()
            listener.interrupt()
            thread.join(10)
            assert not thread.is_alive()
            listener.close()

    return run


def rings(lookout: Lookout) -> bool:
    return lookout.wakeup.wait(5)


def end_listeners(db: psycopg.Connection) -> None:
    db.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE '%listener'"
    )


def test_it_rings_once_after_listen_for_what_was_sent_before(listen: Run, events: EventTap) -> None:
    with listen() as lookout:
        assert rings(lookout)
        assert not lookout.wakeup.wait(0)
        assert events.wait_for("listener.connected").items() >= {"channel": CHANNEL, "level": "info"}.items()


def test_each_insert_rings(db: psycopg.Connection, listen: Run) -> None:
    with listen() as lookout:
        rings(lookout)
        for _ in range(3):
            batch(db, [1])
            assert rings(lookout)
        assert not lookout.wakeup.wait(0)


@pytest.mark.parametrize(
    ("payload", "rung"),
    [
        ("one", {"one"}),
        ("other", {"other"}),
        ("", {"one", "other"}),  # a hand, or triggers of an earlier version
        ("strange", {"one", "other"}),
    ],
)
def test_a_notification_rings_for_the_table_that_it_names(
    db: psycopg.Connection, listen: Run, payload: str, rung: set[str]
) -> None:
    """Were all woken, those with nothing to do would keep the server and the interpreter from the one who has."""
    one, other = Lookout(Wakeup(), Pace(), table="one"), Lookout(Wakeup(), Pace(), table="other")
    with listen(lookouts=[one, other]):
        assert rings(one)
        assert rings(other)
        db.execute("SELECT pg_notify('catalogd', %s)", (payload,))
        for lookout in (one, other):
            if lookout.table in rung:
                assert rings(lookout)
        assert not one.wakeup.wait(0)
        assert not other.wakeup.wait(0)


@pytest.mark.parametrize("second", ["other", "", "strange"])
def test_notifications_that_arrive_together_ring_for_all_that_they_may_mean(
    db: psycopg.Connection, listen: Run, second: str
) -> None:
    one, other = Lookout(Wakeup(), Pace(), table="one"), Lookout(Wakeup(), Pace(), table="other")
    with listen(lookouts=[one, other]):
        assert rings(one)
        assert rings(other)
        with db.transaction():
            for payload in ("one", second):
                db.execute("SELECT pg_notify('catalogd', %s)", (payload,))
        assert rings(one)
        assert rings(other)


def test_a_lost_connection_is_told_and_made_again_with_a_ring(
    db: psycopg.Connection, listen: Run, events: EventTap
) -> None:
    with listen() as lookout:
        rings(lookout)
        end_listeners(db)
        lost = events.wait_for("listener.lost")
        assert (lost["level"], lost["channel"]) == ("warning", CHANNEL)
        assert lost["retry_in_s"] <= 0.1
        events.wait_for("listener.connected", count=2)
        assert rings(lookout)
        wait_until(lambda: not lookout.is_deaf.is_set())
        lookout.wakeup.wait(0.05)
        batch(db, [1])
        assert rings(lookout)


def test_while_the_connection_is_lost_the_poll_is_short(listen: Run, database: Database, events: EventTap) -> None:
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy, listen(QUICK, proxy.dsn) as lookout:
        rings(lookout)
        proxy.stall()
        events.wait_for("listener.lost")
        wait_until(lookout.is_deaf.is_set)
        assert rings(lookout)  # who sleeps for long must begin to poll
        proxy.resume()
        events.wait_for("listener.connected", count=2)
        wait_until(lambda: not lookout.is_deaf.is_set())


def test_silence_is_noticed_by_the_probe(listen: Run, database: Database, events: EventTap) -> None:
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy, listen(QUICK, proxy.dsn):
        proxy.stall()
        assert "no answer in time" in events.wait_for("listener.lost", timeout_s=3)["error"]
        proxy.cut()
        proxy.resume()
        events.wait_for("listener.connected", count=2)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_server_that_falls_silent_while_it_begins_to_listen_is_given_up(
    database: Database, events: EventTap, place: int
) -> None:
    """In the self-test, at its end, and before LISTEN."""
    stop = threading.Event()

    def notify(channel: str) -> None:
        with database.connect() as conn:
            conn.execute("SELECT pg_notify(%s, '')", (channel,))

    with ThreadPoolExecutor(1) as pool, Proxy(database.server.dsn(database.name, tcp=True)) as proxy:
        session = Session(proxy.dsn, "catalogd test", connect_timeout=ms(2000))

        def connect() -> psycopg.Connection:
            conn = session.connect("listener")
            execute, numbers = conn.execute, itertools.count()

            def stall_at_its_place(*arguments: Any) -> Any:
                if next(numbers) == place:
                    proxy.stall()
                return execute(*arguments)

            conn.execute = stall_at_its_place  # type: ignore[method-assign]
            return conn

        listener = Listener(connect, notify, [], stop, Backoff(random.Random(1), 3600, 3600), QUICK)
        running = pool.submit(listener.run)
        try:
            events.wait_for("listener.lost")
        finally:
            stop.set()
            listener.interrupt()
    running.result(10)
    listener.close()


def test_a_listener_that_hears_nothing_says_once_that_it_is_deaf(
    listen: Run, events: EventTap, database: Database
) -> None:
    tests: list[str] = []
    with listen(Hearing(self_test=ms(50), retest=ms(20)), notify=tests.append) as lookout:
        wait_until(lambda: len(tests) >= 3)
        assert lookout.is_deaf.is_set()
        assert lookout.wakeup.wait(0)
        (deaf,) = events.all("listener.deaf")
        assert (deaf["level"], deaf["channel"]) == ("warning", CHANNEL)
        assert events.all("listener.connected") == []


def test_it_hears_again_when_the_pooler_is_gone(listen: Run, events: EventTap, database: Database) -> None:
    is_pooled = threading.Event()
    is_pooled.set()

    def notify(channel: str) -> None:
        if not is_pooled.is_set():
            with database.connect() as conn:
                conn.execute("SELECT pg_notify(%s, '')", (channel,))

    with listen(Hearing(self_test=ms(100), retest=ms(20)), notify=notify) as lookout:
        events.wait_for("listener.deaf")
        is_pooled.clear()
        events.wait_for("listener.connected")
        wait_until(lambda: not lookout.is_deaf.is_set())


def test_a_notification_that_comes_with_the_probes_answer_rings(
    db: psycopg.Connection, listen: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe reads the socket: what came before its answer must not be left lying in the client."""
    from daemon.engine import listener as module

    probed = threading.Event()

    def probe_late(conn: psycopg.Connection, deadline_s: float) -> None:
        if not probed.is_set():
            batch(db, [1])
            probed.set()
            genuine(conn, deadline_s)

    genuine = module.probe
    with listen(Hearing(probe_every=ms(300))) as lookout:
        assert rings(lookout)
        monkeypatch.setattr(module, "probe", probe_late)
        assert rings(lookout)
        assert probed.is_set()


def test_a_server_that_cannot_listen_is_trouble_not_a_crash(
    listen: Run, events: EventTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_channel: str) -> None:
        raise psycopg.errors.ReadOnlySqlTransaction("cannot execute NOTIFY during recovery")

    with listen(notify=refuse) as lookout:
        events.wait_for("listener.lost", count=2)
        assert lookout.is_deaf.is_set()


def test_a_stop_while_it_waits_is_seen_at_once(listen: Run) -> None:
    with listen():
        pass  # leaving joins the thread, whose probe is a minute away


def test_a_connection_that_cannot_be_made_is_not_tried_again_before_its_time(events: EventTap) -> None:
    stop, tried, tried_again = threading.Event(), threading.Event(), threading.Event()

    def fail() -> psycopg.Connection:
        (tried_again if tried.is_set() else tried).set()
        raise psycopg.OperationalError("away")

    listener = Listener(fail, lambda _channel: None, [], stop, Backoff(random.Random(1), 3600, 3600))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(listener.run)
        events.wait_for("listener.lost")
        is_early = tried_again.wait(0.3)
        stop.set()
        listener.interrupt()
        running.result(10)
    listener.close()
    assert not is_early


def test_a_start_does_not_wait_for_a_listener_that_crashed() -> None:
    def crash() -> psycopg.Connection:
        raise RuntimeError("nobody expects this")

    listener = Listener(crash, lambda _channel: None, [], threading.Event(), Backoff(random.Random(1)))
    with pytest.raises(RuntimeError):
        listener.run()
    assert listener.is_settled.is_set()
    listener.close()
