"""What systemd is told of the daemon, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from daemon import herald as herald_module
from daemon.engine.doing import Doing
from daemon.engine.queue import Settled
from daemon.engine.readiness import Readiness
from daemon.herald import Herald
from daemon.systemd import Notifier


class Told(Notifier):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__(None)
        object.__setattr__(self, "messages", [])

    def notify(self, **fields: str) -> bool:
        self.messages.append(fields)
        return True

    messages: list[dict[str, str]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = [100.0]
    monkeypatch.setattr(herald_module, "monotonic", lambda: now[0])
    return now


def test_the_status_is_sent_when_it_has_changed_and_not_too_often(clock: list[float]) -> None:
    told, doing = Told(), Doing(2)
    herald = Herald(told, doing, Readiness())
    herald.ready()
    for done in range(1, 11):  # ten looks in a second
        doing.counted("categorization", [Settled(7, "processing", 10, 0, 20, done, 0, 0.0, 0.0)])
        clock[0] += 0.1
        herald.alive()
    clock[0] += 3.0
    herald.alive()
    herald.alive()
    statuses = [message["STATUS"] for message in told.messages if "STATUS" in message]
    assert statuses == ["2 workers; at rest", "2 workers; batch 7 of categorization: 10 of 20"]
    assert sum("WATCHDOG" in message for message in told.messages) == 12


def test_trouble_goes_before_what_is_done(clock: list[float]) -> None:
    told, readiness = Told(), Readiness()
    herald = Herald(told, Doing(2), readiness)
    readiness.lose("database", "w", "no route to host")
    herald.ready()
    readiness.regain("database", "w")
    clock[0] += 5.0
    herald.alive()
    assert told.messages[0]["STATUS"] == "waiting: database: no route to host"
    assert told.messages[-1] == {"STATUS": "2 workers; at rest"}


def test_a_reload_begins_and_ends(clock: list[float]) -> None:
    told = Told()
    herald = Herald(told, Doing(2), Readiness())
    herald.reload(lambda: told.messages.append({"done": "1"}))
    reloading, done, ready = told.messages
    assert reloading["RELOADING"] == "1"
    assert int(reloading["MONOTONIC_USEC"]) > 0
    assert (done, ready["READY"]) == ({"done": "1"}, "1")


def test_a_stop_that_comes_on_is_given_more_time() -> None:
    told = Told()
    Herald(told, Doing(2), Readiness()).draining(1)
    extended = {"EXTEND_TIMEOUT_USEC": "15000000", "STATUS": "stopping: 1 thread at work"}
    assert told.messages == [extended]
