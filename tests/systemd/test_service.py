"""The units under a real systemd: what it is told, what it does about a daemon that hangs, crashes or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daemon.stand_in.schema import create_stand_in
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.load import progress
from tests.support.machine import ROOT, Machine, why_not
from tests.support.roles import runtime_dsn
from tests.support.server import PrivateServer
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.one_server,
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
]

SERVICE = "catalogd.service"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """One boot for all."""
    with TemporaryDirectory(prefix="catalogd-") as work, Machine(Path(work)) as booted:
        yield booted


@pytest.fixture(scope="module")
def database(server: PrivateServer, template: str, machine: Machine) -> Iterator[Database]:
    """One for all, too."""
    copy = Database.create(server, template=template)
    yield copy
    machine.systemctl("stop", "catalogd.service", "catalogd@*.service")
    copy.drop()


@pytest.fixture(scope="module")
def url(database: Database) -> str:
    """The daemon's way there, with the rights of the runtime role."""
    return runtime_dsn(database, tcp=True)


@pytest.fixture(scope="module")
def service(machine: Machine, database: Database, url: str) -> Machine:
    """The unit as it is shipped, started; the password is a credential."""
    parts = conninfo_to_dict(url)
    machine.write("db_password", f"{parts.pop('password')}\n")
    settings = {"DATABASE_URL": make_conninfo("", **parts), "CATALOGD_LEARN": "on"}
    machine.install(SERVICE, settings, "LoadCredential=db_password:/etc/catalogd/db_password\nRestartSec=100ms\n")
    with database.connect() as db:
        shop(db, products=20_000, labelled=80)
    machine.systemctl("start", SERVICE)
    return machine


def main_pid(machine: Machine) -> int:
    return int(machine.show(SERVICE, "MainPID")["MainPID"])


def status(machine: Machine, unit: str = SERVICE) -> str:
    return machine.show(unit, "StatusText")["StatusText"]


def test_it_is_started_once_it_is_ready_and_says_what_it_is_doing(service: Machine) -> None:
    service.wait_for(SERVICE, ActiveState="active", SubState="running")
    assert service.events(SERVICE, "listener.connected")
    assert status(service).startswith("3 workers; ")
    assert "systemd/network.conf" in service.events(SERVICE, "network.confined")[0]["hint"]


def test_learning_works_behind_the_filter_of_system_calls(service: Machine) -> None:
    """In a child process, with numpy and scipy, and with no memory that is both written and executed. It puts itself
    last, although the calls for that are forbidden."""
    service.event(SERVICE, "model.outdated")
    if service.weights():
        wait_until(lambda: [weight for weight in service.weights() if not weight.endswith("nice 0\n")], timeout_s=60)
    wait_until(lambda: service.hurry() or service.events(SERVICE, "model.learned"), timeout_s=60)
    assert service.event(SERVICE, "model.learned")["products"] == 80
    assert service.events(SERVICE, "child.not_last") == []
    service.event(SERVICE, "duty.done")


def test_a_batch_is_treated_and_told(service: Machine, db: psycopg.Connection) -> None:
    product_ids = list(range(81, 121))
    batch_id = batch(db, product_ids)
    service.event(SERVICE, "batch.completed")
    assert_settled(db, batch_id, product_ids)
    wait_until(lambda: status(service) == "3 workers; at rest; 1 batch since its start")


def test_a_reload_keeps_the_process_and_its_work(service: Machine, db: psycopg.Connection) -> None:
    before = main_pid(service)
    service.systemctl("reload", SERVICE)
    assert service.event(SERVICE, "daemon.reloaded")["log_level"] == "info"
    service.wait_for(SERVICE, ActiveState="active", SubState="running")
    batch(db, [1])
    service.event(SERVICE, "batch.completed", count=2)
    assert main_pid(service) == before


def test_after_a_crash_it_is_started_again(service: Machine, db: psycopg.Connection) -> None:
    before = main_pid(service)
    service.run("kill", "-KILL", str(before))
    service.wait_for(SERVICE, ActiveState="active", SubState="running", NRestarts="1")
    assert main_pid(service) != before


def test_a_stop_while_it_works_is_a_success_and_the_batch_goes_on_later(
    service: Machine, db: psycopg.Connection
) -> None:
    product_ids = list(range(1, 20_001))
    batch_id = batch(db, product_ids)
    wait_until(lambda: progress(db, batch_id) > 0)
    service.systemctl("stop", SERVICE)
    ended = service.show(SERVICE, "ActiveState", "Result", "ExecMainStatus")
    assert ended == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
    assert read_batch(db, batch_id)["status"] == "processing"
    service.systemctl("start", SERVICE)
    wait_until(lambda: f"batch {batch_id} of categorization: " in status(service) or progress(db, batch_id) == 20_000)
    wait_until(lambda: read_batch(db, batch_id)["status"] == "completed", timeout_s=60)
    assert_settled(db, batch_id, product_ids)


def test_the_printed_script_installs_it_into_a_shop_that_knows_nothing_of_it(
    machine: Machine, server: PrivateServer
) -> None:
    """Roles, tables, settings and unit, and a first batch."""
    fresh = Database.create(server)
    admin = server.dsn(fresh.name, tcp=True)
    with fresh.connect() as db:
        create_stand_in(db)
        product_ids = shop(db, products=3)
        db.execute("CREATE ROLE installed LOGIN PASSWORD 'a'")
    parts = conninfo_to_dict(admin) | {"user": "installed", "password": "a"}
    machine.write("db_password", "a\n")
    catalogd = "/opt/catalogd/bin/catalogd"
    script = machine.run("env", f"DATABASE_URL={make_conninfo('', **parts)}", catalogd, "install", "--print")
    machine.write("install.sh", script)
    machine.run("rm", "/etc/catalogd/catalogd.env", "/etc/systemd/system/catalogd.service")  # of those before
    machine.run("env", f"ADMIN_URL={admin}", "sh", "/etc/catalogd/install.sh")
    machine.run("test", "-x", "/usr/local/bin/catalogd")
    machine.wait_for(SERVICE, ActiveState="active", SubState="running")
    with fresh.connect() as db:
        batch_id = batch(db, product_ids)
        wait_until(lambda: read_batch(db, batch_id)["status"] == "completed")
        sessions = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'catalogd %'"
        assert db.execute(sessions).fetchall() == [("installed",)]
        machine.systemctl("stop", SERVICE)
        db.execute("DROP OWNED BY installed, catalogd_owner, catalogd_php, catalogd_operator CASCADE")
        db.execute("DROP ROLE installed")
    fresh.drop()


def test_what_only_a_person_can_mend_is_not_tried_again(machine: Machine) -> None:
    machine.install("catalogd@refused", {"DATABASE_URL": ""})  # it goes before what all instances share
    machine.systemctl("start", "catalogd@refused", check=False)
    ended = machine.show("catalogd@refused", "ActiveState", "ExecMainStatus", "NRestarts")
    assert ended == {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"}


def test_one_frozen_thread_is_enough_to_be_replaced_in_time(machine: Machine, url: str) -> None:
    unit = "catalogd@frozen"
    settings = {"DATABASE_URL": url, "CATALOGD_FROZEN_SECONDS": "1", "SABOTAGE_FREEZE": "listener"}
    network = (ROOT / "systemd" / "network.conf").read_text(encoding="utf-8")
    machine.install(unit, settings, f"WatchdogSec=6s\nRestartSec=100ms\n{network}", "tests.support.saboteur")
    machine.systemctl("start", unit)
    frozen = machine.event(unit, "sabotage.frozen")
    assert machine.event(unit, "thread.silent")["thread"] == "listener"
    ended = machine.event(unit, "daemon.stopped")
    machine.event(unit, "daemon.started", count=2)
    assert int(machine.show(unit, "NRestarts")["NRestarts"]) >= 1
    machine.systemctl("stop", unit)
    assert seconds_between(frozen, ended) < 6
    assert machine.events(unit, "network.confined") == []


def test_a_stop_that_waits_for_a_slice_is_let_wait(machine: Machine, url: str, db: psycopg.Connection) -> None:
    """Whatever the unit says, and although the slice shows no life meanwhile."""
    unit = "catalogd@waiting"
    settings = {"DATABASE_URL": url, "CATALOGD_STOP_SECONDS": "3", "SABOTAGE_HOLD": "statement"}
    machine.install(unit, settings, "WatchdogSec=1s\nTimeoutStopSec=1s\n", "tests.support.saboteur")
    machine.systemctl("stop", SERVICE)
    machine.systemctl("start", unit)
    batch(db, list(range(1, 81)))
    machine.event(unit, "sabotage.held")
    machine.systemctl("stop", unit)
    assert machine.show(unit, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    stopping, stopped = machine.event(unit, "daemon.stopping"), machine.event(unit, "daemon.stopped")
    assert seconds_between(stopping, stopped) > 3


def test_one_that_cannot_even_end_itself_is_ended(machine: Machine, url: str) -> None:
    """No thread of it runs: one holds the interpreter."""
    unit = "catalogd@held"
    settings = {"DATABASE_URL": url, "SABOTAGE_FREEZE": "signals", "SABOTAGE_HOW": "interpreter"}
    machine.install(unit, settings, "WatchdogSec=2s\nRestart=no\n", "tests.support.saboteur")
    machine.systemctl("start", unit)
    machine.wait_for(unit, ActiveState="failed", Result="watchdog")
    assert machine.events(unit, "sabotage.frozen")


def seconds_between(earlier: dict[str, str], later: dict[str, str]) -> float:
    first, second = (datetime.fromisoformat(event["timestamp"]) for event in (earlier, later))
    return (second - first).total_seconds()
