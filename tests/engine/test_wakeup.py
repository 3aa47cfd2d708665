"""The bell: one at the post hears it, no ring is lost, whoever leaves is relieved."""

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

import pytest

from daemon.engine.wakeup import Wakeup
from tests.support.waiting import wait_until

Told = SimpleQueue[tuple[str, str]]


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    bell = Wakeup()
    yield bell
    bell.close()


@pytest.fixture
def send(wakeup: Wakeup) -> Iterator[Callable[[str], Told]]:
    """Starts threads that go to the post, wait for the bell there and leave; returns when the thread is at rest."""
    told = Told()
    threads: list[threading.Thread] = []

    def start(name: str) -> Told:
        def stand() -> None:
            with wakeup.post() as is_relief:
                told.put((name, "relieves" if is_relief else "is first"))
                told.put((name, "rung" if wakeup.wait(30) else "not rung"))

        at_rest = resting(wakeup)
        thread = threading.Thread(target=stand, name=name)
        threads.append(thread)
        thread.start()
        wait_until(lambda: resting(wakeup) > at_rest)
        return told

    yield start
    wakeup.close()
    for thread in threads:
        thread.join()


def resting(wakeup: Wakeup) -> int:
    return len(wakeup._at_post._waiters) + len(wakeup._asleep._waiters)  # type: ignore[attr-defined]


def test_many_rings_before_a_wait_count_as_one(wakeup: Wakeup) -> None:
    for _ in range(3):
        wakeup.ring()
    assert wakeup.wait(0) is True
    assert wakeup.wait(0) is False


def test_one_stands_at_the_post_and_the_next_relieves_it(wakeup: Wakeup, send: Callable[[str], Told]) -> None:
    told = send("a")
    send("b")
    assert told.get(timeout=5) == ("a", "is first")
    with pytest.raises(Empty):
        told.get(timeout=0.1)
    wakeup.ring()
    assert told.get(timeout=5) == ("a", "rung")
    assert told.get(timeout=5) == ("b", "relieves")
    with pytest.raises(Empty):
        told.get(timeout=0.1)
    wakeup.ring()
    assert told.get(timeout=5) == ("b", "rung")


def test_a_ring_that_nobody_hears_is_kept_for_the_next_at_the_post(wakeup: Wakeup) -> None:
    with wakeup.post():
        wakeup.ring()
    with wakeup.post() as is_relief:
        assert not is_relief
        assert wakeup.wait(30) is True


def test_closing_wakes_all_for_good(wakeup: Wakeup, send: Callable[[str], Told]) -> None:
    told = send("a")
    send("b")
    wakeup.close()
    found = {told.get(timeout=5) for _ in range(4)}
    assert found == {("a", "is first"), ("a", "not rung"), ("b", "relieves"), ("b", "not rung")}
    wakeup.ring()
    assert wakeup.wait(30) is False
