"""The bell: one ring, one waker; no ring is lost."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest

from daemon.engine.wakeup import Wakeup
from tests.support.waiting import wait_until


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    bell = Wakeup()
    yield bell
    bell.close()


Woken = queue.SimpleQueue[tuple[str, bool]]


@pytest.fixture
def wait_in_thread(wakeup: Wakeup) -> Iterator[Callable[[str, float | None], Woken]]:
    """Starts threads that wait once and tell; returns when the thread sleeps."""
    woken = Woken()
    threads: list[threading.Thread] = []

    def start(name: str, timeout_s: float | None) -> Woken:
        condition = wakeup._sleeping if timeout_s is None else wakeup._watching
        asleep = len(condition._waiters) + 1  # type: ignore[attr-defined]

        def wait() -> None:
            with wakeup.watch() if timeout_s else nullcontext():
                woken.put((name, wakeup.wait(timeout_s)))

        thread = threading.Thread(target=wait, name=name)
        threads.append(thread)
        thread.start()
        wait_until(lambda: len(condition._waiters) == asleep)  # type: ignore[attr-defined]
        return woken

    yield start
    wakeup.close()
    for thread in threads:
        thread.join()


def test_many_rings_before_a_wait_count_as_one(wakeup: Wakeup) -> None:
    for _ in range(3):
        wakeup.ring()
    assert wakeup.wait(0) is True
    assert wakeup.wait(0) is False


def test_each_ring_wakes_one(wakeup: Wakeup, wait_in_thread: Callable[[str, float | None], Woken]) -> None:
    for name in "ab":
        woken = wait_in_thread(name, None)
    wakeup.ring()
    first, rung = woken.get(timeout=5)
    assert rung is True
    with pytest.raises(queue.Empty):
        woken.get(timeout=0.1)
    wakeup.ring()
    second, rung = woken.get(timeout=5)
    assert rung is True
    assert {first, second} == {"a", "b"}


def test_the_one_on_lookout_is_woken_before_a_sleeper(
    wakeup: Wakeup, wait_in_thread: Callable[[str, float | None], Woken]
) -> None:
    wait_in_thread("sleeper", None)
    woken = wait_in_thread("lookout", 30.0)
    wakeup.ring()
    assert woken.get(timeout=5) == ("lookout", True)


def test_a_ring_between_looking_and_waiting_is_kept_for_the_one_on_watch(
    wakeup: Wakeup, wait_in_thread: Callable[[str, float | None], Woken]
) -> None:
    wait_in_thread("sleeper", None)
    with wakeup.watch():
        wakeup.ring()
        assert wakeup.wait(30) is True


def test_closing_wakes_all_for_good(wakeup: Wakeup, wait_in_thread: Callable[[str, float | None], Woken]) -> None:
    wait_in_thread("sleeper", None)
    woken = wait_in_thread("lookout", 30.0)
    wakeup.close()
    assert {woken.get(timeout=5), woken.get(timeout=5)} == {("sleeper", False), ("lookout", False)}
    wakeup.ring()
    assert wakeup.wait(None) is False
