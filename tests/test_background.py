"""A child process beside the daemon: what it says, how it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from daemon.background import ChildFailed, ChildStopped, run_beside

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("DB_NAME", raising=False)


def test_its_last_words_are_the_reason() -> None:
    with pytest.raises(ChildFailed, match=r"^no database is named: set DATABASE_URL"):
        run_beside(["learn"], threading.Event(), MINUTE)


def test_it_is_ended_when_the_daemon_stops() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ChildStopped):
        run_beside(["learn"], stop, MINUTE)


def test_it_is_ended_when_its_time_is_up() -> None:
    with pytest.raises(ChildFailed, match="it was ended after 0:00:00"):
        run_beside(["learn"], threading.Event(), timedelta(0))


def test_a_child_whose_parent_has_gone_ends_itself() -> None:

    orphan = [sys.executable, "-m", "daemon", "learn", "--child-of", "1"]
    assert subprocess.run(orphan, check=False, capture_output=True).returncode == 1
