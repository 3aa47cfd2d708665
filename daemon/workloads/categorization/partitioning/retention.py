"""Lets old predictions go: partitions whose predictions are all older than a number of days, unless they are needed.

A partition that is detached is gone for everybody as if its rows had been deleted: what refers to one is set to NULL,
and its batches are never planned again, as they would be predicted a second time. What people decided on them is kept
apart, and stays. It is not detached while a batch under way has predictions in it.
"""

from collections.abc import Callable

import structlog
from psycopg import Connection, sql
from psycopg.rows import scalar_row

from daemon.database.statements import statement
from daemon.workloads.categorization.partitioning.ddl import drop_constraint, execute
from daemon.workloads.categorization.partitioning.locks import in_short_locks, lock_all, milliseconds_since
from daemon.workloads.categorization.partitioning.pairs import detach
from daemon.workloads.categorization.partitioning.partition import HEAD, PACKAGE, TAIL, Partition
from daemon.workloads.categorization.partitioning.ranges import closed
from daemon.workloads.categorization.partitioning.references import incoming, outgoing

log = structlog.get_logger()

PORTION = 5_000  # rows that one transaction changes


def detach_old(conn: Connection, days: int, retry_limit: int) -> list[Partition]:
    """Detach what is older than so many days, oldest first, up to the first that is not or is held back.

    `retry_limit` is the number of retries from which on a batch is refused. Returns what was detached.
    """
    detached: list[Partition] = []
    for partition in closed(conn):
        if not _is_old(conn, partition, days):
            break
        if reason := _held_back_by(conn, partition):
            log.warning("partition.held_back", partition=partition.name, reason=reason)
            break
        _let_go(conn, partition, retry_limit)
        held_ms = _detach(conn, partition, lambda p=partition: bool(_open_batches(conn, p)))  # type: ignore[misc]
        if held_ms is None:
            log.warning("partition.held_back", partition=partition.name, reason="a batch was set back just now")
            break
        log.info("partition.detached", partition=partition.name, tables=list(partition.tables), held_ms=held_ms)
        detached.append(partition)
    return detached


def _is_old(conn: Connection, partition: Partition, days: int) -> bool:
    """An empty one is: whatever it held has been deleted."""
    row = conn.execute(_sql("is_old", partition=partition.name), {"days": days}).fetchone()
    return row is None or bool(row[0])


def _held_back_by(conn: Connection, partition: Partition) -> str | None:
    if batches := _open_batches(conn, partition):
        return f"batch {batches[0]} is under way and has predictions in it"
    for reference in incoming(conn):
        if not reference.sets_null:
            return f"{reference.source}.{reference.column_name} refers to {HEAD} and is not ON DELETE SET NULL"
    return None


def _open_batches(conn: Connection, partition: Partition) -> list[int]:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_sql("find_open_batches", partition=partition.name)).fetchall()


def _let_go(conn: Connection, partition: Partition, retry_limit: int) -> None:
    after: int | None = -1
    while after is not None:
        parameters = {"after": after, "limit": PORTION, "retry_limit": retry_limit, "name": partition.name}
        with conn.cursor(row_factory=scalar_row) as cursor:
            query = _sql("close_batches", partition=partition.name)
            after = in_short_locks(conn, lambda q=query, p=parameters, c=cursor: c.execute(q, p).fetchone())  # type: ignore[misc]
    for reference in incoming(conn):
        query = _sql("forget_references", source=reference.source, column=reference.column_name)
        parameters = {"upper": partition.upper, "limit": PORTION}
        while in_short_locks(conn, lambda q=query, p=parameters: conn.execute(q, p).rowcount):  # type: ignore[misc]
            pass


def _detach(conn: Connection, partition: Partition, is_held: Callable[[], bool]) -> float | None:
    """Make a pair ordinary tables that nothing refers to; returns the milliseconds under lock.

    None when `is_held`, asked once nobody can write any more, says that it must stay. What refers to its predictions
    was let go before: raises `psycopg.errors.ForeignKeyViolation` where something still does.
    """

    def act() -> float | None:
        began = lock_all(conn)
        if is_held():
            return None
        for table in (TAIL, HEAD):
            detach(conn, table, partition)
        for reference in outgoing(conn, partition.name):
            drop_constraint(conn, partition.name, reference.name)
        for name in partition.tables:
            execute(conn, "COMMENT ON TABLE {} IS 'detached by catalogd partition'", sql.Identifier(name))
        return milliseconds_since(began)

    return in_short_locks(conn, act)


def _sql(name: str, **identifiers: str) -> bytes:
    return statement(PACKAGE, name, **identifiers)
