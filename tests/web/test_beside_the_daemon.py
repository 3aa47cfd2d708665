"""The page beside the daemon's work, and as a command of its own."""

import os
import signal
import socket

import httpx
import psycopg
import pytest

from daemon import cli
from daemon.web import beside
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.process import Catalogd, Process
from tests.support.roles import OPERATOR, give_rights

pytestmark = pytest.mark.one_server  # its subject are processes


def test_the_daemon_shows_it_once_it_is_ready_and_stops_although_somebody_looks(
    db: psycopg.Connection, catalogd: Catalogd
) -> None:
    process = catalogd.start(CATALOGD_WEB="127.0.0.1:0", CATALOGD_WORKLOADS="categorization")
    address = process.wait_for("web.listening", can_act=False)["address"]
    names = [event["event"] for event in process.events]
    assert names.index("listener.connected") < names.index("web.listening")
    with httpx.stream("GET", f"{address}live", timeout=10) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 3000"
        assert process.stop() == 0
    stopping, stopped = process.named("daemon.stopping"), process.named("daemon.stopped")
    assert stopping
    assert stopped


def test_a_taken_port_is_told_and_the_daemon_goes_on(db: psycopg.Connection, catalogd: Catalogd) -> None:
    ids = shop(db, products=4, labelled=4)
    assert catalogd("learn").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = catalogd.start(CATALOGD_WEB=f"127.0.0.1:{taken.getsockname()[1]}")
        told = process.wait_for("web.unavailable", error="Address already in use")
        assert told["level"] == "warning"
        process.wait_for("batch.completed", batch_id=batch(db, ids), success=4)
        assert process.stop() == 0


def test_a_wrong_setting_is_refused_at_the_start(catalogd: Catalogd) -> None:
    refused = catalogd("run", CATALOGD_WEB="0.0.0.0:8464")
    assert refused.returncode == 78
    assert "others than this host would reach the page" in refused.stderr


def test_the_command_shows_it_as_the_operator(database: Database, db: psycopg.Connection, catalogd: Catalogd) -> None:
    give_rights(database)
    dsn = psycopg.conninfo.make_conninfo(database.dsn, user=OPERATOR)
    process = Process(catalogd.popen("web", "--listen", "127.0.0.1:0", DATABASE_URL=dsn, stderr=None))
    try:
        address = process.wait_for("web.listening", can_act=False)["address"]
        assert "Nothing is open" in httpx.get(address).text
        sessions = [name for _, name, _ in database.sessions() if name.startswith("catalogd ")]
        assert len(sessions) == 3
        assert all(name.endswith(" web") for name in sessions)
        os.kill(process.popen.pid, signal.SIGTERM)
        assert process.wait() == 0
    finally:
        process.close()


def test_the_command_says_what_stands_in_its_way(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], catalogd: Catalogd
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = catalogd("web", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 1
    assert result.stderr.endswith("cannot be listened on: Address already in use\n")
    assert catalogd("web", "--listen", "nonsense").returncode == 78
    monkeypatch.setattr(beside, "is_installed", lambda: False)
    assert cli.main(["web"]) == 1
    assert "pip install 'catalogd[web]'" in capsys.readouterr().err
