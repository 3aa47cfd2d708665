"""Instances killed and frozen, at moments aimed at and at random ones: nothing is lost, nothing is written twice."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import psycopg
import pytest

from daemon.database.embedded import find_servers
from tests.chaos.fleet import Fleet
from tests.chaos.observer import Observer, assert_all_settled
from tests.support import saboteur
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.load import progress
from tests.support.process import Catalogd, Process
from tests.support.saboteur import Point
from tests.support.waiting import wait_until, wait_until_blocked, wait_until_stopped

pytestmark = pytest.mark.one_server  # the server's part is proved by tests/engine; on the others by make chaos

PRODUCTS = 1200  # three slices
HOLDS_A_SLICE = {Point.COMPUTING, Point.STATEMENT, Point.COPYING}
NOT_BEGUN_OR_DONE = {Point.PLANNING, Point.COMMITTING}


def start_held(catalogd: Catalogd, point: Point, **environment: str) -> Process:
    """An instance whose only worker will wait when it comes to this point."""
    return catalogd.start(program=saboteur.PROGRAM, SABOTAGE_HOLD=point.value, CATALOGD_WORKERS="1", **environment)


def is_completed(db: psycopg.Connection, batch_id: int) -> bool:
    return bool(read_batch(db, batch_id)["status"] == "completed")


@pytest.mark.parametrize("point", Point)
def test_killed_at(point: Point, db: psycopg.Connection, database: Database, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=PRODUCTS)
    with Observer(database.connect):
        victim = start_held(catalogd, point)
        batch_id = batch(db, product_ids)
        victim.wait_for("sabotage.held", point=point.value)
        peer = catalogd.start()
        if point in HOLDS_A_SLICE:  # the peer does all the rest, and leaves alone what is at work
            wait_until(lambda: progress(db, batch_id) == PRODUCTS - 500)
        victim.signal(signal.SIGKILL)
        wait_until(lambda: is_completed(db, batch_id))
        assert victim.wait() == -signal.SIGKILL
    recovered = [event["attempt"] for event in peer.events if event["event"] == "slice.recovered"]
    assert recovered == ([] if point in NOT_BEGUN_OR_DONE else [2])
    assert_settled(db, batch_id, product_ids)
    assert_all_settled(db, dead=[victim.instance])
    assert peer.stop() == 0


def test_one_that_is_slow_to_begin_loses_nothing_to_a_peer(
    db: psycopg.Connection, database: Database, catalogd: Catalogd, tmp_path: Path
) -> None:
    """Held up between claim and lock for longer than the grace, as on a machine with too much to do."""
    product_ids = shop(db, products=PRODUCTS)
    release = tmp_path / "release"
    os.mkfifo(release)
    with Observer(database.connect):
        slow = start_held(catalogd, Point.CLAIMED, SABOTAGE_RELEASE=str(release))
        batch_id = batch(db, product_ids)
        slow.wait_for("sabotage.held")
        peer = catalogd.start(CATALOGD_LOG_LEVEL="debug")
        wait_until(lambda: progress(db, batch_id) == PRODUCTS - 500)
        wait_until(lambda: claim_is_older_than(db, seconds=1))
        release.write_bytes(b"")
        wait_until(lambda: is_completed(db, batch_id))
        assert [slow.stop(), peer.stop()] == [0, 0]
    assert peer.named("slice.recovered") == []
    assert_settled(db, batch_id, product_ids)


def claim_is_older_than(db: psycopg.Connection, seconds: float) -> bool:
    row = db.execute(
        "SELECT clock_timestamp() - max(claimed_at) > make_interval(secs => %s) FROM batch_slices", (seconds,)
    )
    return row.fetchone() == (True,)


def test_killed_while_it_stops(db: psycopg.Connection, database: Database, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=PRODUCTS)
    with Observer(database.connect):
        victim = start_held(catalogd, Point.COMPUTING)
        batch_id = batch(db, product_ids)
        victim.wait_for("sabotage.held")
        victim.signal(signal.SIGTERM)
        victim.wait_for("daemon.stopping")
        victim.signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
        assert catalogd("run", "--once").returncode == 0
    assert_settled(db, batch_id, product_ids)
    assert_all_settled(db, dead=[victim.instance])


@pytest.mark.parametrize("point", [Point.CLAIMED, Point.COMPUTING, Point.COPYING, Point.SETTLED])
def test_frozen_at(
    point: Point, db: psycopg.Connection, database: Database, catalogd: Catalogd, tmp_path: Path
) -> None:
    """SIGSTOP for longer than the bound, and SIGCONT when all is done: the zombie writes nothing."""
    product_ids = shop(db, products=PRODUCTS)
    release = tmp_path / "release"
    os.mkfifo(release)
    with Observer(database.connect):
        zombie = start_held(catalogd, point, CATALOGD_FROZEN_SECONDS="1", SABOTAGE_RELEASE=str(release))
        batch_id = batch(db, product_ids)
        zombie.wait_for("sabotage.held", point=point.value)
        zombie.signal(signal.SIGSTOP)
        wait_until_stopped(zombie.popen.pid)
        peer = catalogd.start(CATALOGD_FROZEN_SECONDS="1")
        wait_until(lambda: is_completed(db, batch_id), timeout_s=40)
        zombie.signal(signal.SIGCONT)
        release.write_bytes(b"")
        zombie.wait_for("sabotage.released")
        again = batch(db, product_ids[:700])
        wait_until(lambda: is_completed(db, again))
        assert zombie.stop() == 0
    assert_settled(db, batch_id, product_ids)
    assert_all_settled(db, dead=[zombie.instance])
    assert peer.stop() == 0


def test_frozen_in_a_lock_wait(db: psycopg.Connection, database: Database, catalogd: Catalogd) -> None:
    """The statement that waits ends by itself; the client that should go on does not."""
    product_ids = shop(db, products=3)
    zombie = catalogd.start(CATALOGD_FROZEN_SECONDS="1")
    with database.connect() as php, php.transaction():
        php.execute("SELECT FROM products FOR UPDATE")
        batch_id = batch(db, product_ids)
        wait_until_blocked(db, php)
        zombie.signal(signal.SIGSTOP)
        wait_until_stopped(zombie.popen.pid)
    peer = catalogd.start(CATALOGD_FROZEN_SECONDS="1")
    peer.wait_for("batch.completed", batch_id=batch_id)
    zombie.signal(signal.SIGCONT)
    zombie.wait_for("worker.waiting")
    assert_settled(db, batch_id, product_ids)
    assert [zombie.stop(), peer.stop()] == [0, 0]
    assert_all_settled(db, dead=[zombie.instance, peer.instance])


KILLS = int(os.environ.get("CATALOGD_CHAOS_KILLS", "500"))
KILLS_A_ROUND = 25
ROUNDS = max(1, round(KILLS / KILLS_A_ROUND / len(find_servers())))
SEED = int(os.environ.get("CATALOGD_CHAOS_SEED", "0")) or random.SystemRandom().randrange(10**9)


def batch_of_any_kind(rng: random.Random, product_ids: Sequence[int]) -> list[object]:
    """A big list or a tiny one, with repeats, unknown ids and what is no id."""
    size = rng.choice([rng.randint(1, 5), rng.randint(1, 20), rng.randint(500, len(product_ids))])
    items: list[object] = list(rng.sample(product_ids, size))
    oddities = (items[0], str(items[-1]), 10**9, "x", None, 1.5)
    return items + [oddity for oddity in oddities if rng.random() < 0.2]


def kill_at_random(
    rng: random.Random, kills: int, instances: int, db: psycopg.Connection, database: Database, catalogd: Catalogd
) -> None:
    """Instances that share big and tiny batches die at random moments; there is always something to do."""
    product_ids = shop(db, products=2500)
    with Observer(database.connect), Fleet(catalogd, instances) as fleet:
        for _ in range(kills):
            fleet.wait_until_ready()
            for _ in range(rng.randint(1, 6)):
                batch(db, batch_of_any_kind(rng, product_ids))
            Event().wait(rng.uniform(0, 0.5))
            fleet.kill_one(rng)
        wait_until(
            lambda: (
                not db.execute(
                    "SELECT 1 FROM categorization_batches WHERE status IN ('pending', 'processing')"
                ).fetchone()
            ),
            timeout_s=120,
        )
    assert fleet.codes.count(-signal.SIGKILL) == kills
    codes = db.execute("SELECT DISTINCT code FROM categorization_errors").fetchall()
    assert {code for (code,) in codes} <= {"not_an_id", "unknown_product"}
    assert_all_settled(db, dead=fleet.instances)
    recovered = len(fleet.events("slice.recovered"))
    print(f"{kills} kills of {instances} instances, {recovered} slices recovered, seed {SEED}")  # noqa: T201


def test_killed_at_random(db: psycopg.Connection, database: Database, catalogd: Catalogd) -> None:
    kill_at_random(random.Random(SEED), 5, 2, db, database, catalogd)


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_killed_at_random_for_long(round_: int, db: psycopg.Connection, database: Database, catalogd: Catalogd) -> None:
    rng = random.Random(f"{SEED} {round_}")
    kill_at_random(rng, KILLS_A_ROUND, rng.choice([2, 3]), db, database, catalogd)
