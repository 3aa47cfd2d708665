"""SIGHUP to the real process: it goes on, with what can be taken over; and it never ends for it."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg
import pytest

from tests.support.factories import batch, shop
from tests.support.process import Catalogd, Process
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the signal


def test_connections_and_the_log_level_are_taken_over_and_the_work_goes_on(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    product_ids = shop(db, products=1)
    process = catalogd.start(CATALOGD_WEB="127.0.0.1:0", CATALOGD_METRICS="127.0.0.1:0")
    _ask(process)
    sessions = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
    names = (f"catalogd {process.instance}%",)
    of_the_page = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s"
    wait_until(lambda: db.execute(of_the_page, (f"catalogd {process.instance}% web",)).fetchone() == (3,))
    before = db.execute(sessions, names).fetchone()
    (tmp_path / ".env").write_text("CATALOGD_LOG_LEVEL=debug\n")
    process.signal(signal.SIGHUP)
    assert process.wait_for("daemon.reloaded")["log_level"] == "debug"
    process.wait_for("batch.completed", batch_id=batch(db, product_ids))
    assert process.named("slice.settled")  # which is told at debug alone
    _ask(process)
    wait_until(lambda: not {*before[0]} & {*db.execute(sessions, names).fetchone()[0]})  # type: ignore[index]
    (tmp_path / ".env").write_text("CATALOGD_LOG_LEVEL=loud\n")
    process.signal(signal.SIGHUP)
    assert "CATALOGD_LOG_LEVEL" in process.wait_for("reload.refused")["error"]
    process.wait_for("batch.completed", batch_id=batch(db, product_ids))
    assert process.stop() == 0


def _ask(process: Process) -> None:
    """The page and the figures, which have connections of their own."""
    page = process.wait_for("web.listening")["address"]
    figures = f"http://127.0.0.1:{process.wait_for('metrics.listening')['port']}/metrics"
    for address in (page, figures):
        assert httpx.get(address).status_code == 200


def test_while_it_starts_and_while_it_stops_it_is_passed_over(db: psycopg.Connection, catalogd: Catalogd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        process = catalogd.start(
            ready=False, DATABASE_URL=f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/shop"
        )
        connection, _ = silent.accept()
        with connection:
            process.signal(signal.SIGHUP)
            process.signal(signal.SIGTERM)
            assert process.wait(5) == 0
    process.wait_for("daemon.stopping", signal="SIGTERM")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_does_not_disturb_a_stop_at_the_start(catalogd: Catalogd, second: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/shop"
        process = catalogd.start(ready=False, DATABASE_URL=url)
        connection, _ = silent.accept()
        with connection:
            process.signal(signal.SIGTERM)
            process.wait_for("daemon.stopping")
            process.signal(second)
            assert process.wait(5) == 0


def test_a_stop_asks_systemd_for_time(catalogd: Catalogd) -> None:
    with TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"{directory}/notify")
        systemd.settimeout(20)
        process = catalogd.start(NOTIFY_SOCKET=f"{directory}/notify", CATALOGD_STOP_SECONDS="300")
        process.signal(signal.SIGTERM)
        while not (told := systemd.recv(4096)).startswith(b"STOPPING=1"):
            pass
        assert told == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=325000000"  # after which it ends itself
        assert systemd.recv(4096).startswith(b"EXTEND_TIMEOUT_USEC=15000000\nSTATUS=stopping: ")
        assert process.wait(10) == 0
