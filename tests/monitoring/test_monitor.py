"""The monitor takes its port when it can, and lets go of everything at the end."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from time import monotonic

import pytest

from daemon.engine.telemetry import ListenerState
from daemon.monitoring import monitor as module
from daemon.monitoring.health import Health
from daemon.monitoring.monitor import Monitor
from daemon.monitoring.survey import Survey
from tests.support.events import EventTap


@dataclass
class Pages:
    """In place of the exposition."""

    text: bytes = b"up 1\n"

    def write(self, accept: str) -> tuple[str, bytes]:
        return f"text/plain; for={accept}", self.text


def make(port: int = 0, health: Health | None = None, build: type = Pages) -> Monitor:
    def refuse() -> None:
        raise AssertionError

    health = health or Health(lambda: None, lambda: None, lambda: ListenerState.CONNECTED)
    return Monitor(("127.0.0.1", port), build, health, Survey(refuse, {}))  # type: ignore[arg-type]


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:  # our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_serves_figures_and_health(events: EventTap) -> None:
    troubles: list[str] = []
    health = Health(
        lambda: next(iter(troubles), None), lambda: next(iter(troubles), None), lambda: ListenerState.CONNECTED
    )
    with closing(make(health=health)) as monitor:
        monitor.start()
        port = events.wait_for("metrics.listening")["port"]
        assert get(port, "/metrics") == (200, "up 1\n")
        assert get(port, "/healthz") == (200, "alive\n")
        assert get(port, "/readyz") == (200, "ready\n")
        assert get(port, "/")[0] == 404
        troubles.append("permission denied\r\n\x1b[31m")
        assert get(port, "/readyz") == (503, "permission denied   [31m\n")
        assert get(port, "/healthz")[0] == 503
        troubles.clear()
        health.stop()
        assert get(port, "/readyz") == (503, "stopping\n")
        assert get(port, "/healthz")[0] == 200


def test_a_port_that_is_taken_is_told_once_and_taken_when_it_is_free(
    events: EventTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRY_AGAIN_S", 0.02)
    with closing(make()) as first:
        first.start()
        port = events.wait_for("metrics.listening")["port"]
        with closing(make(port)) as second:
            second.start()
            told = events.wait_for("metrics.unavailable")
            assert (told["level"], told["address"], told["port"]) == ("warning", "127.0.0.1", port)
            assert "CATALOGD_METRICS" in told["hint"]
            assert get(port, "/readyz")[0] == 200  # the first one's
            first.close()
            events.wait_for("metrics.listening", count=2)
            assert get(port, "/readyz")[0] == 200
            assert len(events.all("metrics.unavailable")) == 1


def test_a_stop_does_not_wait_for_a_port(events: EventTap) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken, closing(make(taken.getsockname()[1])) as monitor:
        monitor.start()
        events.wait_for("metrics.unavailable")
        began = monotonic()
        monitor.close()
        assert monotonic() - began < 2


def test_nobody_waits_for_the_start(events: EventTap) -> None:
    """What is imported for the figures takes longer than the rest of a start."""
    gate = threading.Event()

    class Slow(Pages):
        def __init__(self) -> None:
            assert gate.wait(20)

    with closing(make(build=Slow)) as monitor:
        monitor.start()
        assert events.all("metrics.listening") == []
        gate.set()
        events.wait_for("metrics.listening")


def test_one_that_was_never_started_can_be_closed() -> None:
    make().close()


def test_an_address_of_another_machine_is_told_and_harms_nothing(events: EventTap) -> None:
    health = Health(lambda: None, lambda: None, lambda: None)
    with closing(Monitor(("192.0.2.1", 9464), Pages, health, Survey(lambda: None, {}))) as monitor:  # type: ignore[arg-type,return-value]
        monitor.start()
        assert events.wait_for("metrics.unavailable")["address"] == "192.0.2.1"


def test_a_name_that_nobody_knows_is_told(events: EventTap) -> None:
    health = Health(lambda: None, lambda: None, lambda: None)
    with closing(Monitor(("nowhere.invalid", 9464), Pages, health, Survey(lambda: None, {}))) as monitor:  # type: ignore[arg-type,return-value]
        monitor.start()
        assert events.wait_for("metrics.unavailable")["address"] == "nowhere.invalid"


def test_a_defect_in_the_figures_is_told_and_the_process_goes_on(events: EventTap) -> None:
    class Broken:
        def __init__(self) -> None:
            raise ValueError("a defect")

    with closing(make(build=Broken)) as monitor:
        monitor.start()
        assert events.wait_for("metrics.failed")["error_type"] == "ValueError"
