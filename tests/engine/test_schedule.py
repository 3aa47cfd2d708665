"""Each duty is done by one instance, in its time, whatever happens to the others."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import psycopg
import pytest

from daemon.engine.backoff import Backoff
from daemon.engine.schedule import Rhythm, Schedule
from daemon.engine.workload import Duty, DutyFailed, DutyInterrupted, Means
from tests.support.database import Database
from tests.support.engine import Engine
from tests.support.events import EventTap
from tests.support.waiting import wait_until, wait_until_blocked

pytestmark = pytest.mark.one_server  # its subject is the thread

HOUR = timedelta(hours=1)
AT_ONCE = Rhythm(
    longest_sleep=timedelta(milliseconds=20), shortest_sleep=timedelta(milliseconds=5), jitter=timedelta(0)
)


def note(acts: list[str], name: str = "here") -> Callable[[Means], None]:
    """A duty's act that notes who did it."""
    return lambda _means: acts.append(name)


def make_schedule(database: Database, *duties: Duty, instance: str = "here", version: str = "1") -> Schedule:
    return Schedule(
        lambda: database.session.connect("schedule"),
        duties,
        instance,
        version,
        threading.Event(),
        Backoff(random.Random(1), 0.02, 0.2),
        random.Random(1),
        AT_ONCE,
    )


@contextmanager
def running(schedule: Schedule) -> Iterator[Schedule]:
    thread = threading.Thread(target=schedule.run, name=schedule.name)
    thread.start()
    try:
        yield schedule
    finally:
        schedule._stop.set()
        thread.join(20)
        assert not thread.is_alive()


def look(schedule: Schedule) -> None:
    """One round, in this thread: act on all that is due, until there is nothing to do but sleep."""
    wait = schedule._stop.wait
    schedule._stop.wait = lambda pause_s=None: pause_s != 0.0  # type: ignore[method-assign, assignment]
    try:
        schedule.run()
    finally:
        schedule._stop.wait = wait  # type: ignore[method-assign]


def row(db: psycopg.Connection, columns: str) -> tuple[object, ...] | None:
    return db.execute(f"SELECT {columns} FROM catalogd_duties").fetchone()  # type: ignore[call-overload, no-any-return]  # noqa: S608


def pass_time(db: psycopg.Connection, hours: float = 1) -> None:
    db.execute("UPDATE catalogd_duties SET due_at = due_at - make_interval(mins => %s)", (round(hours * 60),))


def test_a_new_duty_is_done_at_once_and_then_when_it_is_due(db: psycopg.Connection, database: Database) -> None:
    acts: list[str] = []
    schedule = make_schedule(database, Duty("count", HOUR, note(acts)))
    look(schedule)
    look(schedule)
    assert acts == ["here"]
    assert row(db, "due_at - started_at, finished_at >= started_at, failures, error, instance") == (
        HOUR,
        True,
        0,
        None,
        "here",
    )
    pass_time(db)
    look(schedule)
    assert acts == ["here"] * 2


def test_due_times_survive_a_restart(db: psycopg.Connection, database: Database) -> None:
    acts: list[str] = []
    for instance in ("first", "second"):
        look(make_schedule(database, Duty("count", HOUR, note(acts, instance)), instance=instance))
    assert acts == ["first"]


def test_of_many_instances_one_acts(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    acts: list[str] = []
    with ExitStack() as stack:
        for instance in "abcdefgh":
            duty = Duty("count", HOUR, note(acts, instance))
            stack.enter_context(running(make_schedule(database, duty, instance=instance)))
        for number in range(1, 6):
            events.wait_for("duty.done", count=number)
            pass_time(db)
        events.wait_for("duty.done", count=6)
    assert len(acts) == 6


def test_who_comes_second_to_a_due_duty_leaves_it(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    """Both have seen that it is due; the row's lock decides, and what its holder has written."""
    acts: list[str] = []
    schedule = make_schedule(database, Duty("count", HOUR, note(acts)))
    look(schedule)
    pass_time(db)
    with database.connect() as other:
        with other.transaction():
            other.execute("UPDATE catalogd_duties SET due_at = now() + interval '1 hour', instance = 'other'")
            look(schedule)  # passes over the locked row
        look(schedule)
    assert acts == ["here"]
    assert row(db, "instance") == ("other",)
    assert events.all("schedule.waiting") == []


def test_who_began_to_look_before_another_took_it_leaves_it(db: psycopg.Connection, database: Database) -> None:
    acts: list[str] = []
    early = make_schedule(database, Duty("count", HOUR, note(acts)), instance="early")
    look(make_schedule(database, Duty("count", HOUR, note(acts)), instance="first"))
    pass_time(db)
    with database.session.connect("early") as conn, conn.transaction():
        conn.execute("SELECT now()")  # its time stands still from here on
        look(make_schedule(database, Duty("count", HOUR, note(acts)), instance="second"))
        assert early._execute(conn, "take_duty").fetchone() is None
    assert len(acts) == 2


def test_duties_are_done_one_after_the_other(database: Database) -> None:
    acts: list[str] = []
    look(make_schedule(database, *(Duty(name, HOUR, note(acts, name)) for name in ("first", "second", "third"))))
    assert acts == ["first", "second", "third"]


def test_two_duties_of_one_name_are_a_mistake(database: Database) -> None:
    with pytest.raises(ValueError, match="one name"):
        make_schedule(database, *(Duty("count", HOUR, note([])) for _ in range(2)))


@pytest.mark.parametrize(
    "error", [DutyFailed("the file is gone"), ZeroDivisionError("by \0 zero"), psycopg.DataError("x")]
)
def test_what_fails_is_told_and_tried_again_ever_later(
    db: psycopg.Connection, database: Database, events: EventTap, error: Exception
) -> None:
    acts: list[str] = []

    def fail(_means: Means) -> None:
        if len(acts) < 3:
            acts.append("failed")
            raise error

    schedule = make_schedule(database, Duty("count", HOUR, fail), Duty("other", HOUR, note([])))
    delays = []
    for failures in (1, 2, 3):
        look(schedule)
        told = events.wait_for("duty.failed", count=failures)
        assert (told["duty"], told["failures"], told["error_type"]) == ("count", failures, type(error).__name__)
        found = db.execute(
            "SELECT due_at - started_at, failures, finished_at FROM catalogd_duties WHERE name = 'count'"
        )
        delay, counted, finished_at = found.fetchone() or ()
        assert (counted, finished_at) == (failures, None)
        delays.append(round(delay.total_seconds()))
        pass_time(db)
    assert delays == [60, 120, 240]
    assert events.wait_for("duty.done")["duty"] == "other"
    look(schedule)
    assert events.wait_for("duty.done", duty="count")
    assert row(db, "failures, error") == (0, None)


def test_a_failure_is_tried_again_within_the_period(db: psycopg.Connection, database: Database) -> None:
    def fail(_means: Means) -> None:
        raise DutyFailed("never")

    schedule = make_schedule(database, Duty("count", timedelta(minutes=5), fail))
    for _ in range(12):
        look(schedule)
        pass_time(db)
    look(schedule)
    assert row(db, "due_at <= now() + interval '5 minutes', failures") == (True, 13)


def test_a_dead_instance_costs_one_period(db: psycopg.Connection, database: Database) -> None:
    acts: list[str] = []

    class Killed(BaseException):
        pass

    def die(_means: Means) -> None:
        raise Killed

    with pytest.raises(Killed):
        look(make_schedule(database, Duty("count", HOUR, die), instance="dead"))
    survivor = make_schedule(database, Duty("count", HOUR, note(acts)))
    look(survivor)
    assert acts == []
    pass_time(db)
    look(survivor)
    assert acts == ["here"]
    assert row(db, "instance, failures") == ("here", 0)


def test_a_stop_is_prompt_and_gives_the_duty_back(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    begun = threading.Event()

    def wait(means: Means) -> None:
        begun.set()
        assert means.stop.wait(20)
        raise DutyInterrupted

    with running(make_schedule(database, Duty("count", HOUR, wait))):
        assert begun.wait(20)
    assert row(db, "due_at <= now() + interval '1 minute', finished_at, failures") == (True, None, 0)
    assert events.all("duty.failed") == []


def test_a_late_instance_does_not_undo_what_another_has_begun(db: psycopg.Connection, database: Database) -> None:
    def sleep_too_long(_means: Means) -> None:
        db.execute("UPDATE catalogd_duties SET instance = 'other', due_at = now() + interval '1 hour', failures = 7")
        raise DutyFailed("too late")

    look(make_schedule(database, Duty("count", HOUR, sleep_too_long)))
    assert row(db, "instance, failures, error") == ("other", 7, None)


def test_the_first_look_of_another_version_finds_every_duty_due(database: Database) -> None:
    acts: list[str] = []
    schedules = [make_schedule(database, Duty("count", HOUR, note(acts, v)), version=v) for v in ("1", "1", "2")]
    for schedule in [*schedules, *schedules]:
        look(schedule)
    assert acts == ["1", "2"]


@pytest.mark.parametrize("jump", ["3 hours", "-3 hours"])
def test_a_clock_that_jumps_puts_nothing_off(db: psycopg.Connection, database: Database, jump: str) -> None:
    acts: list[str] = []
    schedule = make_schedule(database, Duty("count", HOUR, note(acts)))
    look(schedule)
    db.execute("UPDATE catalogd_duties SET due_at = due_at + %s::interval", (jump,))  # as if now() had jumped
    look(schedule)
    assert acts == ["here"] * 2


def test_an_emptied_table_is_filled_again(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    with running(make_schedule(database, Duty("count", HOUR, note([])))):
        events.wait_for("duty.done")
        db.execute("DELETE FROM catalogd_duties")
        events.wait_for("duty.done", count=2)


def test_a_lost_connection_is_expected(db: psycopg.Connection, database: Database, events: EventTap) -> None:
    """The ending of a duty that could not be told is told once the server is back."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_means: Means) -> None:
        begun.set()
        assert go_on.wait(20)

    name = f'"{database.name}"'
    with running(make_schedule(database, Duty("count", HOUR, wait))):
        assert begun.wait(20)
        with psycopg.connect(database.server.dsn(), autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            go_on.set()
            events.wait_for("schedule.waiting", count=2)
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        wait_until(lambda: row(db, "finished_at IS NOT NULL") == (True,))
    assert events.all("duty.failed") == []


def test_the_schedule_sleeps_until_the_next_is_due_and_holds_no_session(
    db: psycopg.Connection, database: Database
) -> None:
    schedule = make_schedule(database, Duty("count", HOUR, note([])))
    schedule._rhythm = Rhythm(longest_sleep=timedelta(hours=2), jitter=timedelta(0))
    look(schedule)
    taken, pause_s = schedule._look()
    assert taken is None
    assert 3590 < pause_s <= 3600
    schedule._rhythm = Rhythm(longest_sleep=timedelta(minutes=10), jitter=timedelta(seconds=60))
    assert 600 <= schedule._look()[1] <= 660
    wait_until(lambda: not [name for _, name, _ in database.sessions() if "schedule" in name])  # the server ends it


def test_it_runs_with_the_engine_and_stops_with_it(db: psycopg.Connection, database: Database) -> None:
    begun = threading.Event()

    def wait(means: Means) -> None:
        begun.set()
        assert means.stop.wait(20)
        raise DutyInterrupted

    with Engine(database.session, duties=[Duty("count", HOUR, wait)]) as engine:
        assert begun.wait(20)
    assert engine.code == 0
    assert row(db, "due_at <= now() + interval '1 minute'") == (True,)


def test_a_second_signal_cancels_what_a_duty_waits_for(db: psycopg.Connection, database: Database) -> None:
    def wait(means: Means) -> None:
        with means.connection() as conn, conn.transaction():
            conn.execute("SET LOCAL lock_timeout = 0")
            conn.execute("LOCK TABLE products")

    engine = Engine(database.session, duties=[Duty("count", HOUR, wait)], grace=timedelta(milliseconds=100))
    with database.connect() as holder, holder.transaction():
        holder.execute("LOCK TABLE products")
        with engine:
            wait_until_blocked(db, holder)
    assert engine.code == 0
