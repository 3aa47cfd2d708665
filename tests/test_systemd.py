"""Messages to systemd, received by a real datagram socket."""

import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic_ns

import pytest

from daemon import systemd
from daemon.systemd import Notifier, is_confined

PATIENCE_S = 10

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="names outside the file system are Linux only")


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + address[1:] if address.startswith("@") else address)
        listener.settimeout(PATIENCE_S)
        yield listener


@pytest.fixture(params=["path", pytest.param("abstract", marks=linux_only)])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    with TemporaryDirectory() as directory:  # shorter than tmp_path: a socket's path has about 100 bytes
        yield f"{directory}/notify" if request.param == "path" else f"@catalogd-{secrets.token_hex(8)}"


def test_says_ready_status_and_stopping(address: str) -> None:
    notifier = Notifier(address)
    with listening(address) as listener:
        assert notifier.ready("4 workers, listening")
        assert listener.recv(4096) == b"READY=1\nSTATUS=4 workers, listening"
        assert notifier.status("busy: 100 %, übrig: 3")
        assert listener.recv(4096) == "STATUS=busy: 100 %, übrig: 3".encode()
        assert notifier.alive()
        assert listener.recv(4096) == b"WATCHDOG=1"
        assert notifier.stopping(timedelta(seconds=45))
        assert listener.recv(4096) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000"
        assert notifier.notify(EXTEND_TIMEOUT_USEC="5000000", STATUS="migrating")
        assert listener.recv(4096) == b"EXTEND_TIMEOUT_USEC=5000000\nSTATUS=migrating"


def test_says_that_it_reloads_and_that_a_stop_comes_on(address: str) -> None:
    notifier = Notifier(address)
    with listening(address) as listener:
        before = monotonic_ns() // 1000
        assert notifier.reloading()
        told = dict(line.split("=") for line in listener.recv(4096).decode().splitlines())
        assert told["RELOADING"] == "1"
        assert before <= int(told["MONOTONIC_USEC"]) <= monotonic_ns() // 1000
        assert notifier.draining("stopping", timedelta(seconds=1.5))
        assert listener.recv(4096) == b"EXTEND_TIMEOUT_USEC=1500000\nSTATUS=stopping"


def test_line_breaks_in_a_status_begin_no_other_field(address: str) -> None:
    with listening(address) as listener:
        Notifier(address).status("first\nMAINPID=1\r\nlast")
        assert listener.recv(4096) == b"STATUS=first MAINPID=1 last"


def test_a_status_moves_no_cursor(address: str) -> None:
    with listening(address) as listener:
        Notifier(address).status("a\x1b[2J\x07b\u202ec")
        assert listener.recv(4096) == b"STATUS=a [2J b c"


def test_status_that_is_no_valid_text_does_not_raise(address: str) -> None:
    with listening(address) as listener:
        assert Notifier(address).status("broken \udcff")
        assert listener.recv(4096) == b"STATUS=broken ?"


def test_full_queue_does_not_wait(address: str) -> None:
    notifier = Notifier(address)
    with listening(address) as listener:
        sent = 0
        while notifier.status(f"number {sent}"):
            sent += 1
            assert sent < 100_000
        assert not notifier.stopping()
        assert listener.recv(4096) == b"STATUS=number 0"
        assert notifier.stopping()


def test_gone_listener_does_not_raise(address: str) -> None:
    notifier = Notifier(address)
    with listening(address):
        assert notifier.ready("here")
    assert not notifier.ready("gone")
    if not address.startswith("@"):
        Path(address).unlink()
    assert not notifier.ready("gone without a trace")


@pytest.mark.parametrize("address", [None, "", "relative/path", "vsock:2:1234", "/" + "long" * 50])
def test_address_that_cannot_be_used_is_ignored(address: str | None) -> None:
    assert not Notifier(address).ready("nobody hears")


def test_address_comes_from_the_environment() -> None:
    assert Notifier.from_environment({"NOTIFY_SOCKET": "/run/notify"}).address == "/run/notify"
    assert Notifier.from_environment({"NOTIFY_SOCKET": ""}).address is None
    assert Notifier.from_environment({}).address is None


@pytest.mark.parametrize(
    ("told", "seconds"), [("90000000", 90), ("0", None), ("", None), ("soon", None), ("9" * 40, None), ("٣", None)]
)
def test_how_long_the_watchdog_waits(told: str, seconds: int | None) -> None:
    patience = Notifier.from_environment({"WATCHDOG_USEC": told}).watchdog
    assert patience == (None if seconds is None else timedelta(seconds=seconds))
    assert Notifier.from_environment({}).watchdog is None


def test_nothing_here_keeps_us_from_the_network() -> None:
    """Where the unit does, it is told: tests/systemd."""
    assert not is_confined()


def test_without_a_network_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "ELSEWHERE", ((socket.AF_INET, "255.255.255.255"),))  # refused, for another reason
    assert not is_confined()
