"""Instances restarted in turn, as a deployment does it: the batch they share goes on, and no attempt is used up."""

from threading import Event
from time import monotonic

import pytest

from tests.chaos.work import Work
from tests.support.database import Database
from tests.support.process import Process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(600), pytest.mark.one_server]


@pytest.mark.parametrize(("products", "every_s"), [(40_000, 0.0), pytest.param(100_000, 2.0, marks=pytest.mark.chaos)])
def test_instances_restarted_in_turn_cost_a_batch_nothing(database: Database, products: int, every_s: float) -> None:
    restarts = 0
    with Work(database, instances=2, products=products, CATALOGD_LOG_LEVEL="debug") as work:
        work.insert()
        while is_at_work(work, work.processes[-2]):
            next_at = monotonic() + every_s
            assert work.processes[-2].stop() == 0
            assert_no_attempt_was_used(work)
            work.start_another()
            restarts += 1
            Event().wait(max(0.0, next_at - monotonic()))
        for process in work.processes[-2:]:
            process.wait_for("listener.connected")  # it hears a signal
        assert restarts >= 2, "the batch was too small to restart each"
        work.assert_unharmed()
        assert_no_attempt_was_used(work)


def is_at_work(work: Work, process: Process) -> bool:
    """Once this instance has had its first slice: True; False when nothing is left for it."""
    wait_until(lambda: process.named("slice.settled") or not work.is_open(), timeout_s=60)
    return work.is_open()


def assert_no_attempt_was_used(work: Work) -> None:
    assert work.tried_again() == []
    assert work.events("slice.recovered") == work.events("slice.retried") == work.events("worker.waiting") == []
    assert {event["attempt"] for event in work.events("slice.settled")} == {1}
