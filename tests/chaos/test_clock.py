"""Clocks that jump by hours: the server's, by which everything is compared, and the daemon's, which decides nothing."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.work import Work
from tests.support.clock import LIBRARY, Clock
from tests.support.database import Database
from tests.support.server import PrivateServer, private_server
from tests.support.waiting import wait_until, wait_until_blocked

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.one_server,
    pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (package faketime)"),
]


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:  # where the user that runs the server may look
        Path(directory).chmod(0o711)
        yield Clock(Path(directory))


@pytest.fixture(scope="module")
def server_of_the_clock(server: PrivateServer, clock: Clock) -> Iterator[PrivateServer]:
    own = private_server(server.binaries)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in clock.environment.items():
            patch.setenv(name, value)
        own.start()
    try:
        Database.create(own, "template_shop").migrated()
        yield own
    finally:
        own.stop()


@pytest.fixture
def shop_in_time(server_of_the_clock: PrivateServer, clock: Clock) -> Iterator[Database]:
    """A database whose clock the test sets; it begins at the real time."""
    clock.put(0)
    database = Database.create(server_of_the_clock, template="template_shop")
    yield database
    clock.put(0)
    database.drop()


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.chaos)])
def test_the_servers_clock_jumps_while_instances_work(shop_in_time: Database, clock: Clock, rounds: int) -> None:
    with Work(shop_in_time, instances=2, products=6_000) as work:
        for _ in range(rounds):
            work.insert()
            for hours in (6, -6, 0):
                work.wait_for_progress()
                wait_until(lambda: not work.tried_again())  # a jump may cost a slice one attempt, but only one
                clock.put(hours)
            work.insert(work.product_ids[:3])
        work.complete()
        work.assert_unharmed()


@pytest.mark.parametrize("hours", [6, -6], ids=["forward", "back"])
def test_what_was_put_off_is_not_put_off_for_hours(shop_in_time: Database, clock: Clock, hours: int) -> None:
    """The clock is put while nobody has the slice in hand: it is given back a moment after that is told."""
    put_off = "SELECT true FROM batch_slices WHERE run_after > now() + interval '1 second'"
    with Work(shop_in_time, products=500) as work, shop_in_time.connect() as php, shop_in_time.connect() as db:
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (work.product_ids[0],))
            work.insert()
            wait_until(lambda: db.execute(put_off).fetchone(), timeout_s=60)
            clock.put(hours)
        work.complete(timeout_s=30)
        work.assert_unharmed()


@pytest.mark.parametrize("hours", [6, -6], ids=["forward", "back"])
def test_what_a_dead_instance_had_in_hand_does_not_wait_for_hours(
    shop_in_time: Database, clock: Clock, hours: int
) -> None:
    with Work(shop_in_time, products=500) as work, shop_in_time.connect() as php, shop_in_time.connect() as db:
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (work.product_ids[0],))
            work.insert()
            wait_until_blocked(db, php)
            work.process.signal(signal.SIGKILL)
            assert work.process.wait() == -signal.SIGKILL
            clock.put(hours)
        work.start_another()
        work.complete(timeout_s=30)
        work.assert_unharmed()


def test_the_clock_of_the_daemons_host_jumps(database: Database, tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    with Work(database, products=100, **clock.environment) as work:  # to ask this clock for the time is slow
        work.process.wait_for("listener.connected")
        for hours in (6, -6, 0):
            work.insert()
            work.wait_for_progress()
            clock.put(hours)
            work.complete(timeout_s=30)
        work.assert_unharmed()
        times = [str(event["timestamp"]) for event in work.process.events]
        assert max(times) > times[-1] > min(times), "its clock did not jump"
