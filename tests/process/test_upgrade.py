"""The previous release is upgraded while it works, with a role for everything, as docs/operations.md says."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import psycopg
import pytest

from daemon import __version__
from daemon.database.schema import checksums
from daemon.stand_in.schema import create_stand_in
from tests.chaos.observer import Observer, assert_all_settled
from tests.support import previous
from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd, Process
from tests.support.roles import OWNER, PHP, RUNTIME, SHOP, Shop, shop_of_its_own
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(300), pytest.mark.one_server]

PRODUCTS = 5_000
ADDED = [name for name in checksums() if name > previous.LAST_MIGRATION]


@dataclass
class Version:
    """The commands of one version, each run by a role of the shop."""

    place: Shop
    environment: dict[str, str]
    _made: list[Catalogd] = field(default_factory=list)

    def command(self, role: str) -> Catalogd:
        self._made.append(Catalogd(self.place.dsn(role), CATALOGD_LOG_LEVEL="debug", **self.environment))
        return self._made[-1]

    def install(self) -> str:
        """Rights, migrations, and the rights to what these have made. Returns what the migrations printed."""
        script = printed(self.command(SHOP)("grants"))
        self._grant(script)
        told = printed(self.command(OWNER)("migrate"))
        self._grant(script)
        return told

    def start(self) -> Process:
        return self.command(RUNTIME).start()

    def close(self) -> None:
        for command in self._made:
            command.close()

    def _grant(self, script: str) -> None:
        with self.place.connect(SHOP) as conn:
            conn.execute(script)


def printed(result: subprocess.CompletedProcess[str]) -> str:
    """What a command printed that must have succeeded."""
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


@pytest.fixture
def place(server: PrivateServer) -> Iterator[Shop]:
    """A shop with its own tables, and nothing of catalogd's."""
    with shop_of_its_own(server) as place:
        with place.connect(SHOP) as conn:
            create_stand_in(conn)
            conn.execute("DROP TABLE akeneo_workflow")  # only its owner may add a foreign key to it
        yield place


@pytest.fixture
def old(place: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Version]:
    """The previous release."""
    try:
        version = Version(place, previous.unpack(tmp_path_factory.mktemp("release")))
    except previous.NoHistory as error:
        pytest.skip(str(error))
    yield version
    version.close()


@pytest.fixture
def new(place: Shop) -> Iterator[Version]:
    """This one."""
    version = Version(place, {})
    yield version
    version.close()


class Customer:
    """PHP, which always has work for the daemon: a thread that inserts a batch whenever only one is left open."""

    def __init__(self, place: Shop, product_ids: list[int]) -> None:
        self._place = place
        self._product_ids = product_ids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="customer")
        self.batches: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._place.connect(PHP) as conn:
            while not self._stop.wait(0.05):
                if count_open(conn) < 2:
                    self.batches.append(batch(conn, self._product_ids))


def test_batches_go_on_while_the_daemon_is_upgraded(place: Shop, old: Version, new: Version) -> None:
    """Each product of each batch has one outcome, and no attempt is used."""
    old.install()
    with place.connect(SHOP) as conn:
        product_ids = shop(conn, PRODUCTS)
    before = old.start()
    with Observer(place.database.connect), Customer(place, product_ids) as customer:
        before.wait_for("slice.settled")
        assert new.install() == (f"applied {', '.join(ADDED)}\n" if ADDED else "the schema is up to date\n")
        before.wait_for("slice.settled", count=len(before.named("slice.settled")) + 3)

        after = new.start()
        after.wait_for("slice.settled")
        assert before.stop() == 0
        with place.connect(PHP) as php:
            assert count_open(php) > 0, "nothing was in flight"
    with place.connect(PHP) as php:
        wait_until(lambda: count_open(php) == 0, timeout_s=60)
    assert after.stop() == 0

    versions = [process.wait_for("daemon.started")["version"] for process in (before, after)]
    assert versions == [previous.VERSION, __version__]
    settled = [event for process in (before, after) for event in process.named("slice.settled")]
    assert {event["attempt"] for event in settled} == {1}
    for process in (before, after):
        assert process.named("slice.retried") == process.named("slice.recovered") == []
    with place.database.connect() as db:
        for batch_id in customer.batches:
            assert_settled(db, batch_id, product_ids)
        assert_all_settled(db, dead=[before.instance, after.instance])


def test_the_way_back(place: Shop, old: Version, new: Version) -> None:
    """The previous release does not start on a newer schema, as it cannot know what that means; once what was added is
    undone, it does, and what was there before is there still."""
    new.install()
    with place.connect(SHOP) as conn:
        product_ids = shop(conn, 10)
    with place.connect(PHP) as php:
        batches = [batch(php, product_ids)]
    printed(new.command(RUNTIME)("run", "--once"))
    refused = old.command(RUNTIME)("run", "--once")
    assert refused.returncode == (78 if ADDED else 0)
    if ADDED:
        assert f"newer than this catalogd {previous.VERSION} (it has {ADDED[-1]})" in refused.stderr

    undone = printed(new.command(OWNER)("migrate", "--back-to", previous.VERSION))
    newest_first = ", ".join(reversed(ADDED))
    assert undone == (f"undone {newest_first}\n" if ADDED else f"nothing was added since {previous.VERSION}\n")
    with place.connect(PHP) as php:
        batches.append(batch(php, product_ids))
    printed(old.command(RUNTIME)("run", "--once"))
    with place.database.connect() as db:
        for batch_id in batches:
            assert_settled(db, batch_id, product_ids)

    assert new.install() == (f"applied {', '.join(ADDED)}\n" if ADDED else "the schema is up to date\n")


def count_open(conn: psycopg.Connection) -> int:
    """Batches that are not at their end."""
    row = conn.execute(
        "SELECT count(*) FROM categorization_batches WHERE status IN ('pending', 'processing')"
    ).fetchone()
    assert row is not None
    return int(row[0])
