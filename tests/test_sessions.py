"""What this process is called in the database."""

import os
import re
import socket

import pytest

from daemon import __version__
from daemon.database.pool import LONGEST_NAME
from daemon.sessions import LISTENER, PREFIX, name_instance


@pytest.mark.parametrize("host", ["web1", "h" * 64, "sh/op 7\n", "gerät"])
def test_an_instance_is_told_from_every_other_by_its_sessions(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Whatever its host is called, the server cuts nothing off, and the name is one word without a slash."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    one, other = name_instance(), name_instance()
    assert one != other
    assert len(f"{PREFIX}{one}{LISTENER}") <= LONGEST_NAME
    assert re.fullmatch(rf"[\w.-]+:{os.getpid()}:[0-9a-f]{{6}}:{re.escape(__version__)}", one, re.ASCII)


def test_a_short_name_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "web-1.shop")
    assert name_instance().startswith("web-1.shop:")
