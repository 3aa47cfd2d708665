"""Who shows life, who does not, and what is said of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.database.pool import open_pool
from daemon.engine import life as life_module
from daemon.engine import vigil as vigil_module
from daemon.engine.life import Life
from daemon.engine.vigil import Vigil
from tests.support.database import Database
from tests.support.events import EventTap

pytestmark = pytest.mark.one_server

BOUND_S, PIECE_S = 60.0, 5.0


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(life_module, "monotonic", clock)
    monkeypatch.setattr(vigil_module, "monotonic", clock)
    return clock


@pytest.fixture
def life(clock: Clock) -> Life:
    return Life(timedelta(seconds=BOUND_S), timedelta(seconds=PIECE_S))


def pass_time(clock: Clock, seconds: float, vigil: Vigil, *, beat: Callable[[], None] = lambda: None) -> list[str]:
    """As the main thread does it; who was silent at the last look."""
    silent: list[str] = []
    for _ in range(int(seconds / PIECE_S)):
        clock.now += PIECE_S
        beat()
        silent = list(vigil.look())
    return silent


@contextmanager
def frozen_thread(life: Life, name: str) -> Iterator[None]:
    """A thread that shows life once and then waits for ever."""
    entered, release = threading.Event(), threading.Event()

    def freeze() -> None:
        with life.of(name):
            entered.set()
            release.wait()

    thread = threading.Thread(target=freeze, name=name)
    thread.start()
    assert entered.wait(10)
    try:
        yield
    finally:
        release.set()
        thread.join()


def test_a_thread_that_shows_no_life_is_told_with_the_place_where_it_is(
    clock: Clock, life: Life, events: EventTap
) -> None:
    vigil = Vigil(life)
    with frozen_thread(life, "worker-1"), life.of("worker-2"):
        alive = lambda: life.beat(name="worker-2")  # noqa: E731
        assert pass_time(clock, BOUND_S, vigil, beat=alive) == []
        assert pass_time(clock, PIECE_S, vigil, beat=alive) == ["worker-1"]
    silent = events.wait_for("thread.silent")
    assert (silent["level"], silent["thread"], silent["silent_s"]) == ("error", "worker-1", BOUND_S + PIECE_S)
    assert any(place.endswith(" freeze") for place in silent["frames"])
    assert pass_time(clock, PIECE_S, vigil) == []  # it has ended


def test_who_holds_what_the_others_wait_for_is_told_too(clock: Clock, life: Life, events: EventTap) -> None:
    """It came to the lock last. Who shows life, or was silent for a moment only, is not told."""
    vigil = Vigil(life)
    with life.of("waits"), life.of("holds"), life.of("computes"), life.of("lives"):

        def beat() -> None:
            life.beat(name="lives")
            for name, until in (("holds", PIECE_S), ("computes", BOUND_S - PIECE_S)):
                if clock.now <= 1_000.0 + until:
                    life.beat(name=name)

        assert pass_time(clock, BOUND_S + PIECE_S, vigil, beat=beat) == ["waits"]
    assert [event["thread"] for event in events.all("thread.silent")] == ["waits", "holds"]


def test_who_says_so_may_be_silent_for_longer(clock: Clock, life: Life) -> None:
    vigil = Vigil(life)
    with life.of("listener"):
        life.beat(30.0, name="listener")
        assert pass_time(clock, BOUND_S + 30.0, vigil) == []
        assert pass_time(clock, PIECE_S, vigil) == ["listener"]


def test_who_opens_a_connection_may_wait_for_name_servers_that_are_away(clock: Clock, life: Life) -> None:
    """Three of them, each asked twice (24 s), about seven names, for two hosts, as glibc does."""
    vigil = Vigil(life)
    name = threading.current_thread().name
    with life.of(name):
        with life.connecting():
            assert life.is_connecting(name)
            assert pass_time(clock, 2 * 7 * 24, vigil) == []
        assert not life.is_connecting(name)
        assert pass_time(clock, BOUND_S, vigil) == []
        assert pass_time(clock, PIECE_S, vigil) == [name]


def test_time_in_which_the_process_was_stopped_is_held_against_nobody(clock: Clock, life: Life) -> None:
    """SIGSTOP and SIGCONT, a machine that slept, a look that came late because nothing could run."""
    vigil = Vigil(life)
    with life.of("worker-1"):
        assert pass_time(clock, BOUND_S - PIECE_S, vigil) == []
        clock.now += 3_600.0
        assert vigil.look() == []
        assert pass_time(clock, PIECE_S, vigil) == ["worker-1"]  # what it had left it has used


def test_nor_is_time_before_the_first_look(clock: Clock, life: Life) -> None:
    with life.of("main"):
        vigil = Vigil(life)
        clock.now += 3_600.0
        assert vigil.look() == []
        assert pass_time(clock, BOUND_S, vigil) == ["main"]


@pytest.mark.parametrize("held_s", [0.6 * PIECE_S, 1_000.0])
def test_who_waits_for_the_reader_of_the_log_is_not_blamed(
    clock: Clock, life: Life, monkeypatch: pytest.MonkeyPatch, held_s: float
) -> None:
    """A terminal that was held by Ctrl-S, a pager that is read: whoever tells of it waits, too."""
    vigil = Vigil(life)

    def wait_for_the_reader(*_: object, **__: object) -> None:
        clock.now += held_s

    monkeypatch.setattr(vigil_module.log, "error", wait_for_the_reader)
    with life.of("worker-1"):
        assert pass_time(clock, BOUND_S + PIECE_S, vigil) == []
        life.beat(name="worker-1")
        assert pass_time(clock, BOUND_S, vigil) == []


def test_each_vigil_sees_its_own(clock: Clock, life: Life) -> None:
    over_main, over_others = Vigil(life, lambda name: name == "main"), Vigil(life, lambda name: name != "main")
    with life.of("main"), life.of("worker-1"):
        assert pass_time(clock, BOUND_S, over_main, beat=lambda: over_others.look() and None) == []
        clock.now += PIECE_S
        assert (list(over_main.look()), list(over_others.look())) == (["main"], ["worker-1"])


def test_waiting_in_pieces_shows_life_at_each(clock: Clock, life: Life) -> None:
    waited: list[float] = []

    def awaited(seconds: float) -> bool:
        waited.append(seconds)
        clock.now += seconds
        return False

    name = threading.current_thread().name
    with life.of(name):
        assert life.wait(awaited, 12.0) is False
        assert waited == [5.0, 5.0, 2.0]
        assert life.due()[name] == 1_000.0 + 10.0 + BOUND_S


def test_waiting_ends_with_what_is_awaited(clock: Clock, life: Life) -> None:
    answers = iter([0, 0, 7])
    assert life.wait(lambda _: next(answers), threading.TIMEOUT_MAX) == 7


def test_what_is_not_watched_may_beat(life: Life) -> None:
    life.beat()
    life.forgive("nobody", 1.0)
    assert life.due() == {}


def test_a_conversation_with_the_server_is_a_sign_of_life(clock: Clock, life: Life, database: Database) -> None:
    """The thread itself shows none: it may be treating a slice."""
    with open_pool(database.session, 1) as pool, pool.connection() as conn, life.of("w"):
        worker: Any = SimpleNamespace(name="w", connection=conn)
        vigil = Vigil(life, conversing=[worker])
        assert pass_time(clock, 2 * BOUND_S, vigil, beat=lambda: conn.execute("SELECT 1") and None) == []
        assert pass_time(clock, BOUND_S, vigil) == []
        assert pass_time(clock, PIECE_S, vigil) == ["w"]


def test_who_waits_for_the_server_is_alive_until_the_watch_gives_up(
    clock: Clock, life: Life, database: Database
) -> None:
    with open_pool(database.session, 1) as pool, pool.connection() as conn, life.of("w"):
        worker: Any = SimpleNamespace(name="w", connection=conn)
        vigil = Vigil(life, conversing=[worker])
        conn.pgconn.send_query(b"SELECT 1")
        assert pass_time(clock, 10 * BOUND_S, vigil) == []
        conn.severed_at = conn.spoke_at
        assert pass_time(clock, BOUND_S, vigil) == []
        assert pass_time(clock, PIECE_S, vigil) == ["w"]
        while conn.pgconn.get_result() is not None:
            pass
