"""Waits for what has no event: a state in the database, a thread that sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import TypeVar

from psycopg import Connection

T = TypeVar("T")


def wait_until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Until `condition` holds; fails the test when it does not in time."""
    deadline = monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, "what was waited for did not come"
        pause.wait(0.01)


def wait_until_blocked(db: Connection, blocker: Connection, count: int = 1) -> None:
    """Until `count` sessions wait for a lock that `blocker` holds. `db` is a third connection."""

    def is_blocked() -> bool:
        row = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))", (blocker.info.backend_pid,)
        ).fetchone()
        return row is not None and row[0] >= count

    wait_until(is_blocked)


def wait_until_idle(db: Connection, session: Connection) -> None:
    """Until the server waits for the client of `session`: it answers a little sooner. `db` is another connection."""
    idle = "SELECT true FROM pg_stat_activity WHERE pid = %s AND wait_event = 'ClientRead'"
    wait_until(lambda: db.execute(idle, (session.info.backend_pid,)).fetchone())


def interleave(db: Connection, holder: Connection, first: Callable[[], object], second: Callable[[], T]) -> T:
    """Do `first` in a transaction of `holder`, begin `second` in a thread, and commit once it waits for `holder`.

    Returns what `second` returns; fails the test when it does not wait. `db` is a third connection.
    """
    with ThreadPoolExecutor(1) as pool:
        with holder.transaction():
            first()
            late = pool.submit(second)
            wait_until_blocked(db, holder)
        return late.result(40)


def wait_until_stopped(pid: int) -> None:
    """Until SIGSTOP has reached every thread of a process; until then each of them may still do something."""
    tasks = Path(f"/proc/{pid}/task")
    wait_until(
        lambda: all(task.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks.iterdir())
    )
