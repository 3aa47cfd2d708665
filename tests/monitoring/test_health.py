"""Alive and ready: with the reason if not."""

import pytest

from daemon.engine.telemetry import ListenerState
from daemon.monitoring.health import Health, LastLook
from daemon.monitoring.server import text_page


def test_alive_is_whose_watch_has_looked() -> None:
    now = [0.0]
    last_look = LastLook(lambda: now[0])
    assert last_look.trouble() is None
    now[0] = 31.0
    assert last_look.trouble() == "the vigil was not kept for 31 s"
    last_look.look()
    assert last_look.trouble() is None


@pytest.mark.parametrize(
    ("state", "why_lost", "trouble", "reason"),
    [
        (ListenerState.CONNECTED, "", None, None),
        (ListenerState.DEAF, "", None, None),  # it knows, and polls
        (ListenerState.LOST, "no such role", None, "listener: no such role"),
        (ListenerState.LOST, "", None, "listener: the connection is lost"),
        (ListenerState.LOST, "no such role", "database: no such role", "database: no such role"),
        (None, "", None, "not listening yet"),
        (ListenerState.CONNECTED, "", "permission denied", "permission denied"),
    ],
)
def test_ready_is_who_listens_or_polls_and_has_no_trouble(
    state: ListenerState | None, why_lost: str, trouble: str | None, reason: str | None
) -> None:
    assert Health(lambda: None, lambda: trouble, lambda: state, lambda: why_lost).not_ready() == reason


def test_who_stops_is_alive_and_not_ready() -> None:
    health = Health(lambda: None, lambda: None, lambda: ListenerState.CONNECTED)
    health.stop()
    assert health.not_ready() == "stopping"
    assert health.not_alive() is None


def test_a_reason_is_one_line_of_printable_signs() -> None:
    from http import HTTPStatus

    assert text_page(HTTPStatus.OK, "a\r\nSet-Cookie: x\x1b[31m\u202e").body == b"a  Set-Cookie: x [31m \n"
