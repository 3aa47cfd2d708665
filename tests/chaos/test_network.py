"""The network on a bad day: cut, silent, slow, half open; and a host that is lost."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from time import monotonic

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.chaos.work import Work
from tests.support.database import Database
from tests.support.proxy import Proxy
from tests.support.roles import runtime_dsn
from tests.support.server import PrivateServer, private_server
from tests.support.waiting import wait_until, wait_until_blocked

LONG = pytest.mark.chaos

pytestmark = [pytest.mark.timeout(600), pytest.mark.one_server]


@pytest.fixture
def proxy(database: Database) -> Iterator[Proxy]:
    with Proxy(runtime_dsn(database, tcp=True)) as running:
        yield running


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=LONG)])
def test_connections_cut_again_and_again(database: Database, proxy: Proxy, rounds: int) -> None:
    with Work(database, products=8_000, dsn=proxy.dsn) as work:
        work.process.wait_for("listener.connected")
        for number in range(1, rounds + 1):
            work.insert()
            work.wait_for_progress()
            proxy.cut()
            work.process.wait_for("listener.connected", count=number + 1)
        work.complete()
        work.assert_unharmed()


def test_a_slow_network_slows_the_work_and_no_more(database: Database, proxy: Proxy) -> None:
    with Work(database, products=2_000, dsn=proxy.dsn) as work:
        work.process.wait_for("listener.connected")
        proxy.slow(0.03)
        work.insert()
        work.complete()
        assert work.events("slice.retried") == work.events("worker.waiting") == work.events("listener.lost") == []
        work.assert_unharmed()


@pytest.mark.parametrize(("silent_s", "attempts"), [(1.0, 1), pytest.param(45.0, 2, marks=LONG)])
def test_a_network_that_is_silent_for_a_while_harms_nothing(
    database: Database, proxy: Proxy, silent_s: float, attempts: int
) -> None:
    """After CATALOGD_FROZEN_SECONDS (30) the server has ended the session, and the attempt counts."""
    with Work(database, products=8_000, dsn=proxy.dsn) as work:
        work.insert()
        work.wait_for_progress()
        proxy.stall()
        Event().wait(silent_s)
        proxy.resume()
        work.complete()
        work.assert_unharmed(attempts=attempts)


@LONG
def test_a_listener_made_deaf_is_noticed_and_the_work_goes_on_by_polling(database: Database, proxy: Proxy) -> None:
    with Work(database, products=2_000, dsn=proxy.dsn) as work:
        work.process.wait_for("listener.connected")
        proxy.stall(name=" listener")
        began = monotonic()
        work.process.wait_for("listener.lost")
        noticed_s = monotonic() - began
        work.insert()
        work.complete()
        assert len(work.events("listener.connected")) == 1
        proxy.resume()
        work.process.wait_for("listener.connected", count=2)
        print(f"deaf listener noticed after {noticed_s:.1f} s")  # noqa: T201  # a figure of docs/reliability.md
        assert noticed_s <= 15
        work.assert_unharmed()


def test_a_worker_whose_answer_is_lost_is_soon_back_at_work(
    database: Database, db: psycopg.Connection, proxy: Proxy
) -> None:
    """The server has answered and waits for its client, which waits for the answer: for ever, if nobody looked."""
    with Work(database, products=1_000, dsn=proxy.dsn) as work, database.connect() as php:
        work.process.wait_for("listener.connected")
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = ANY(%s) FOR UPDATE", (work.product_ids[:600],))
            work.insert()
            wait_until_blocked(db, php, count=2)  # both workers have a slice in hand
            proxy.stall_existing()
        began = monotonic()
        work.complete()
        print(f"work done {monotonic() - began:.1f} s after its answers were lost")  # noqa: T201  # a figure
        work.assert_unharmed()


def test_a_slice_whose_host_is_lost_is_free_within_the_bound(
    database: Database, db: psycopg.Connection, proxy: Proxy
) -> None:
    with (
        Work(database, products=1_000, dsn=proxy.dsn, CATALOGD_FROZEN_SECONDS="1") as work,
        database.connect() as php,
    ):
        work.process.wait_for("listener.connected")
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (work.product_ids[0],))
            work.insert()
            wait_until_blocked(db, php)
            proxy.lose_clients()
        work.complete()
        work.assert_unharmed(attempts=2)  # it took longer than the bound


# A host of its own


@dataclass(frozen=True)
class Host:
    """A network namespace, and the cable to it."""

    name: str
    network: str
    address: str  # ours, as it sees us

    @property
    def prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def unplug(self) -> None:
        """From now on nothing arrives and nobody is told."""
        self._cable("down")

    def plug_in(self) -> None:
        self._cable("up")

    def _cable(self, state: str) -> None:
        subprocess.run([*self.prefix, "ip", "link", "set", "eth0", state], check=True)


@pytest.fixture
def host() -> Iterator[Host]:
    number = secrets.randbelow(250)
    host = Host(f"catalogd-{secrets.token_hex(3)}", f"10.213.{number}.0/24", f"10.213.{number}.1")
    veth = f"veth{secrets.token_hex(3)}"
    if os.geteuid() != 0 or not succeeds("ip", "netns", "add", host.name):
        pytest.skip("no network namespace can be made here")
    try:
        for command in (
            ["ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", host.name],
            ["ip", "address", "add", f"{host.address}/24", "dev", veth],
            ["ip", "link", "set", veth, "up"],
            [*host.prefix, "ip", "address", "add", f"10.213.{number}.2/24", "dev", "eth0"],
            [*host.prefix, "ip", "link", "set", "eth0", "up"],
        ):
            subprocess.run(command, check=True)
        yield host
    finally:
        subprocess.run(["ip", "netns", "delete", host.name], check=True)


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def reachable(server: PrivateServer, host: Host) -> Iterator[Database]:
    """A database on a server that the other host reaches."""
    with private_server(server.binaries, {"listen_addresses": f"127.0.0.1,{host.address}"}) as own:
        with (own.directory / "pg_hba.conf").open("a", encoding="ascii") as access:
            access.write(f"host all all {host.network} trust\n")
        with psycopg.connect(own.dsn()) as admin:
            admin.execute("SELECT pg_reload_conf()")
        yield Database.create(own, "shop").migrated()


SLEEP = (
    "CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END';"
    "CREATE TRIGGER sleep BEFORE INSERT ON predictions EXECUTE FUNCTION sleep()"
)


@LONG
def test_a_host_lost_while_the_server_waits_for_it_has_its_slice_taken(host: Host, reachable: Database) -> None:
    with work_on(host, reachable) as work, reachable.connect() as db, reachable.connect() as php:
        with php.transaction():
            php.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (work.product_ids[0],))
            work.insert()
            wait_until_blocked(db, php)
            host.unplug()
        assert_freed_in_seconds(db, host)
        return_of(host, work)


@LONG
def test_a_host_lost_in_a_long_statement_has_its_slice_taken(host: Host, reachable: Database) -> None:
    with work_on(host, reachable) as work, reachable.connect() as db:
        db.execute(SLEEP)
        work.insert()
        wait_until(lambda: db.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone())
        host.unplug()
        assert_freed_in_seconds(db, host)
        db.execute("DROP TRIGGER sleep ON predictions")
        return_of(host, work)


def work_on(host: Host, database: Database) -> Work:
    """The bound of silence is an hour: only the network's own tells the server that the host is lost."""
    dsn = make_conninfo(runtime_dsn(database), host=host.address)
    return Work(database, products=500, dsn=dsn, prefix=host.prefix, CATALOGD_FROZEN_SECONDS="3600")


def assert_freed_in_seconds(db: psycopg.Connection, host: Host) -> None:
    began = monotonic()

    def is_free() -> bool:
        row = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE client_addr <<= %s::inet", (host.network,)
        ).fetchone()
        return row == (0,)

    wait_until(is_free, timeout_s=60)
    duration_s = monotonic() - began
    print(f"sessions of a lost host are gone after {duration_s:.1f} s")  # noqa: T201  # for docs/reliability.md
    assert duration_s <= 30


def return_of(host: Host, work: Work) -> None:
    host.plug_in()
    work.complete()
    work.process.wait_for("listener.connected", count=2)
    work.assert_unharmed()
