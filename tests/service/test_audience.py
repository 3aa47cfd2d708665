"""Who is told what, as the service ties it together."""

import gc

import pytest

from daemon.engine.doing import Doing
from daemon.engine.readiness import Readiness
from daemon.engine.telemetry import Telemetry
from daemon.herald import Herald
from daemon.monitoring.health import Health, LastLook
from daemon.service.audience import Audience
from daemon.systemd import Notifier


def test_what_is_there_at_the_start_is_not_looked_through_for_rubbish_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all is told: what the page and the figures have brought along costs the batches nothing."""
    done: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: done.append("frozen"))
    readiness, last_look = Readiness(), LastLook()
    herald = Herald(Notifier(None), Doing(1), readiness)
    health = Health(last_look.trouble, lambda: None, lambda: None)
    audience = Audience(Telemetry(), readiness, [], herald, last_look, health, None)
    audience.outside(lambda: done.append("shown"), lambda: None).ready()
    assert done == ["shown", "frozen"]
