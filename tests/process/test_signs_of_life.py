"""One thread that stops moving, whichever it is, and the process ends and says which; systemd starts it again."""

from __future__ import annotations

import psycopg
import pytest

from tests.support import saboteur
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject are our own threads

BOUND_S = 2.0  # twice CATALOGD_FROZEN_SECONDS
LOOK_S = BOUND_S / 4

THREADS = {
    "MainThread": "MainThread",
    "signals": "signals",
    "listener": "listener",
    "watch": "watch",
    "schedule": "schedule",
    "categorization-1": "/categorization-1",
    "preparer-8": "/price-lists-preparer-8",
}


def test_whichever_thread_is_frozen_the_process_ends_in_time_and_says_where(
    db: psycopg.Connection, catalogd: Catalogd
) -> None:
    """All at once, one process for each: at rest, where nothing else would notice. How long it took is told by the
    event: no longer than what a thread may be silent, and two looks."""
    processes = {
        part: catalogd.start(
            ready=False,
            program=saboteur.PROGRAM,
            SABOTAGE_FREEZE=part,
            SABOTAGE_HOW="loop" if part == "watch" else "lock",
            CATALOGD_FROZEN_SECONDS="1",
            CATALOGD_LEARN="on",
        )
        for part in THREADS
    }
    for part, process in processes.items():
        silent = process.wait_for("thread.silent")
        assert process.wait() == 1, part
        assert silent["thread"].endswith(THREADS[part])
        assert silent["level"] == "error"
        assert silent["silent_s"] <= BOUND_S + 4 * LOOK_S
        assert any("_stop_moving" in place for place in silent["frames"])
