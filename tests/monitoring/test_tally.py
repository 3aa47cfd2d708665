"""What the engine tells is counted once, under the right name."""

import threading
from collections.abc import ValuesView
from dataclasses import replace

import pytest

from daemon.engine.queue import Planned, Settled, Slice
from daemon.engine.telemetry import ListenerState, Mishap
from daemon.monitoring import tally as module
from daemon.monitoring.tally import Tally

PLANNED = Planned(
    id=1, status="processing", error_message=None, retry_count=0, items=3, success=0, errors=1, wait_s=2.0
)
SLICE = Slice(id=1, batch_id=1, items=[7, 8], batch_status="processing")
COMPLETED = Settled(
    id=1, status="completed", remaining=0, retry_count=0, items=3, success=2, errors=1, wait_s=2.0, duration_s=9.0
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    return Tally(["w"], clock)


def test_the_life_of_a_batch(tally: Tally, clock: Clock) -> None:
    tally.planned("w", [PLANNED])
    clock.now += 3
    tally.began("w", [SLICE])
    tally.settled("w", 1, 2, {"odd": 1}, [COMPLETED], 0.25)
    seen = tally.of("w")
    assert (seen.planned, seen.ended) == (1, {"completed": 1, "failed": 0})
    assert seen.items == {"done": 1, "odd": 1, "not_an_id": 1}
    assert seen.slices["settled"] == 1
    assert (seen.pickup.number, seen.pickup.total) == (1, 5.0)
    assert (seen.slice.number, seen.slice.total) == (1, 0.25)
    assert (seen.batch.number, seen.batch.total) == (1, 9.0)
    assert seen.items_per_s == pytest.approx(2 / 60)


def test_only_the_first_slice_of_a_batch_is_its_pickup(tally: Tally) -> None:
    tally.planned("w", [PLANNED])
    for _ in range(2):  # a slice that is treated in halves begins again, too
        tally.began("w", [SLICE])
    tally.began("w", [replace(SLICE, id=2), replace(SLICE, id=3, batch_id=9)])
    assert tally.of("w").pickup.number == 1


def test_a_batch_that_was_set_back_did_not_wait_since_its_insert(tally: Tally) -> None:
    tally.planned("w", [replace(PLANNED, retry_count=1), replace(PLANNED, id=2, retry_count=1, status="completed")])
    tally.began("w", [SLICE])
    seen = tally.of("w")
    assert seen.pickup.number == 0
    assert seen.ended["completed"] == 1


def test_of_a_batch_that_was_refused_no_entry_was_looked_at(tally: Tally) -> None:
    tally.planned("w", [replace(PLANNED, status="failed", retry_count=3, errors=5)])
    assert tally.of("w").items == {"done": 0}
    assert tally.of("w").ended["failed"] == 1


def test_a_batch_that_ends_by_its_planning_is_picked_up_by_it(tally: Tally) -> None:
    tally.planned("w", [replace(PLANNED, status="completed")])
    assert tally.of("w").pickup.total == 2.0


def test_what_data_can_name_makes_no_series_without_end(tally: Tally) -> None:
    for number in range(1000):
        tally.settled("w", 1, 1, {f"code {number}": 1}, [], 0.1)
    items = tally.of("w").items
    assert len(items) == module.MOST_OUTCOMES + 1
    assert sum(items.values()) == 1000
    assert items["other"] == 1000 - module.MOST_OUTCOMES + 1


def test_batches_that_begin_elsewhere_are_not_remembered_without_end(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AWAITED", 10)
    tally.planned("w", [replace(PLANNED, id=number) for number in range(100)])
    tally.began("w", [replace(SLICE, batch_id=number) for number in range(100)])
    assert tally.of("w").pickup.number == 10  # the newest


def test_the_listener_is_in_one_state(tally: Tally) -> None:
    assert tally.listener is None
    for state in (ListenerState.CONNECTED, ListenerState.LOST, ListenerState.CONNECTED):
        tally.listens(state)
    assert tally.listener is ListenerState.CONNECTED
    assert tally.listener_changes() == {"connected": 2, "deaf": 0, "lost": 1}


class Hesitant(dict[str, int]):
    """Lets other threads go first whenever it is read."""

    def values(self) -> ValuesView[int]:
        threading.Event().wait(0.0001)
        return super().values()


def test_several_threads_lose_no_count(tally: Tally) -> None:
    def work() -> None:
        for _ in range(100):
            tally.settled("w", 1, 5, Hesitant({"odd": 1}), [COMPLETED], 0.1)
            tally.stumbled("w", Mishap.RETRIED)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = tally.of("w")
    assert seen.items == {"done": 1600, "odd": 400}
    assert seen.slices["retried"] == seen.slice.number == seen.ended["completed"] == 400
