"""The database is asked when somebody wants to see, not too often, and nobody waits for long."""

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import psycopg
import pytest

from daemon.engine.workload import Figure
from daemon.monitoring import survey as module
from daemon.monitoring.survey import Question, Survey
from tests.support.database import Database
from tests.support.events import EventTap
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server


class Asked:
    """A question that is answered with how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, _conn: psycopg.Connection) -> Iterable[Figure]:
        self.times += 1
        yield Figure("times", "", self.times)


def survey(database: Database, question: Question, clock: Callable[[], float] = monotonic) -> Survey:
    return Survey(lambda: database.session.connect("metrics"), {"q": question}, clock)


def test_an_answer_is_given_again_while_it_is_fresh(database: Database) -> None:
    now, asked = [100.0], Asked()
    asking = survey(database, asked, lambda: now[0])
    for _ in range(3):
        assert [figure.value for figure in asking.ask().figures] == [1]
    now[0] += module.FRESH_S + 0.1
    assert [figure.value for figure in asking.ask().figures] == [2]


def test_who_comes_while_it_is_asked_waits_for_the_same_answer(database: Database) -> None:
    asked = Asked()
    asking = survey(database, asked)
    threads = [threading.Thread(target=asking.ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked.times == 1


def test_no_session_stays_behind(database: Database) -> None:
    survey(database, Asked()).ask()
    assert database.sessions_left() == []


@pytest.mark.parametrize("error", [psycopg.errors.InsufficientPrivilege("no"), ValueError("a defect")])
def test_a_question_that_fails_takes_nothing_along_and_is_told_once(
    database: Database, events: EventTap, error: Exception
) -> None:
    now, fails = [0.0], [True]

    def bad(_conn: psycopg.Connection) -> Iterable[Figure]:
        if fails[0]:
            raise error
        return []

    asking = Survey(database.session.connect, {"bad": bad, "good": Asked()}, lambda: now[0])

    def ask() -> tuple[int, bool, int]:
        now[0] += 60
        answer = asking.ask()
        return len(answer.figures), answer.is_up, answer.unanswered

    assert [ask(), ask()] == [(1, True, 1)] * 2
    assert [event["question"] for event in events.all("survey.unanswered")] == ["bad"]
    fails[0] = False
    assert ask() == (1, True, 0)
    fails[0] = True
    assert ask() == (1, True, 1)
    assert len(events.all("survey.unanswered")) == 2


def test_a_database_that_is_away_is_known_at_once_for_a_while() -> None:
    tries: list[int] = []

    def connect() -> psycopg.Connection:
        tries.append(1)
        raise psycopg.OperationalError("away")

    asking = Survey(connect, {"q": Asked()})
    for _ in range(3):
        answer = asking.ask()
        assert (answer.is_up, answer.figures, answer.unanswered) == (False, (), 1)
    assert len(tries) == 1


def test_a_server_that_takes_no_connection_is_given_up(database: Database) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        dsn = f"host=127.0.0.1 port={silent.getsockname()[1]} dbname=x"
        session = replace(database.session, conninfo=dsn, connect_timeout=timedelta(seconds=2))
        began = monotonic()
        assert not Survey(session.connect, {"q": Asked()}).ask().is_up
        assert monotonic() - began < 4


def test_a_server_that_falls_silent_is_given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.3)
    with Proxy(database.server.dsn(database.name, tcp=True)) as proxy:

        def stall(conn: psycopg.Connection) -> Iterable[Figure]:
            proxy.stall()
            conn.execute("SELECT 1")
            return []

        asking = Survey(replace(database.session, conninfo=proxy.dsn).connect, {"q": stall})
        assert not asking.ask().is_up


def test_an_interrupted_one_ends(database: Database, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 60.0)

    def sleep(conn: psycopg.Connection) -> Iterable[Figure]:
        conn.execute("SELECT pg_sleep(60)")
        return []

    asking = survey(database, sleep)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(asking.ask().is_up))
    thread.start()
    sleeping = "SELECT true FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    wait_until(lambda: db.execute(sleeping).fetchone())
    asking.interrupt()
    thread.join(10)
    assert answers == [False]
