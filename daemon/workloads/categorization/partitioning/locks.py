"""The locks of a change: taken in one order, and never waited for so long that others stand behind it."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TypeVar

import psycopg
import structlog
from psycopg import Connection, sql

from daemon.workloads.categorization.partitioning.ddl import execute
from daemon.workloads.categorization.partitioning.partition import HEAD, TAIL

log = structlog.get_logger()

T = TypeVar("T")

# Longer than deadlock_timeout, at which an autovacuum gives way; the daemons give way after half a second.
LOCK_TIMEOUT = "1200ms"
TRIES = 50
PAUSE_S = 0.2


def in_short_locks(conn: Connection, act: Callable[[], T]) -> T:
    """Do it in a transaction that waits for no lock for long, and again when others were in the way."""
    tries = 0
    while True:
        try:
            with conn.transaction():
                conn.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_TIMEOUT))
                return act()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            tries += 1
            if tries >= TRIES:
                raise
            log.info("partition.waiting", tries=tries)
            Event().wait(PAUSE_S)


def lock_all(conn: Connection) -> float:
    """Lock everything that changes, in the order in which a slice does; returns when that was done.

    The shop's products are locked by foreign keys that come and go. Who may, locks them first: then no slice that has
    its products already waits for the predictions meanwhile.
    """
    tables = ["products", HEAD, TAIL, "categorization_batches"]
    for table in tables:
        row = conn.execute(
            "SELECT has_table_privilege(%s, 'UPDATE, DELETE, TRUNCATE') WHERE to_regclass(%s) IS NOT NULL",
            (table, table),
        ).fetchone()
        if row == (True,):
            execute(conn, "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", sql.Identifier(table))
    return monotonic()


def milliseconds_since(began: float) -> float:
    return round((monotonic() - began) * 1000, 1)
