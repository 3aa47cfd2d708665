"""Keeps ranges ready beyond the last id."""

import structlog
from psycopg import Connection, sql

from daemon.database.pool import Session
from daemon.workloads.categorization.partitioning.bounds import Bounds
from daemon.workloads.categorization.partitioning.ddl import alter
from daemon.workloads.categorization.partitioning.locks import in_short_locks, lock_all
from daemon.workloads.categorization.partitioning.pairs import attach, attach_full, create, detach, finish
from daemon.workloads.categorization.partitioning.partition import HEAD, KEYS, TAIL, Partition, read_partitions
from daemon.workloads.categorization.partitioning.ranges import AHEAD, last_id, next_bound, ranges
from daemon.workloads.categorization.partitioning.references import (
    add_reference,
    drop_reference,
    incoming,
    validate_references,
)

log = structlog.get_logger()


def extend(session: Session, conn: Connection, rows: int) -> list[Partition]:
    """See to it that two ranges beyond the last id stand ready; returns those that were made.

    Where nobody did for so long that rows have come into the open pair, this becomes an ordinary one.
    """
    made: list[Partition] = []
    rest = read_partitions(conn)[-1]
    last, _ = last_id(conn)
    if rest.lower is not None and (last >= rest.lower or not _is_empty(conn, rest)):
        made += _cut(session, conn, rest, rows)
    else:
        made += in_short_locks(conn, lambda: _extend(conn, rows))
    for partition in made:
        log.info("partition.created", partition=partition.name, lower=partition.lower, upper=partition.upper)
    if made:
        finish(conn)
    else:
        validate_references(conn)  # a run that was killed may have left that to be done
    return made


def _extend(conn: Connection, rows: int) -> list[Partition]:
    rest = read_partitions(conn)[-1]
    last, limit = last_id(conn)
    made = ranges(rest.lower, min(last + AHEAD * rows, limit - rows), rows)
    if not made:
        return []
    lock_all(conn)
    if not _is_empty(conn, rest):
        return []  # the first row came this very moment: the next run will cut
    for table in (TAIL, HEAD):
        detach(conn, table, rest)
    for partition in made:
        create(conn, partition, like=rest)
    for table in KEYS:
        attach(conn, table, Partition.between(made[-1].upper, None))
    return made


def _cut(session: Session, conn: Connection, rest: Partition, rows: int) -> list[Partition]:
    """Close the open pair, which has rows, above its last one, and open another."""
    full = Partition.between(rest.lower, next_bound(conn, rows))
    ahead = ranges(full.upper, full.upper, rows, AHEAD - 1)

    def act() -> None:
        lock_all(conn)
        references = incoming(conn)
        for reference in references:  # a detached partition must not be referred to, for a moment either
            drop_reference(conn, reference)
        for table in (TAIL, HEAD):
            detach(conn, table, rest)
            alter(conn, rest.of(table), "RENAME TO {}", sql.Identifier(full.of(table)))
        attach_full(conn, full, ahead)
        for reference in references:
            add_reference(conn, reference)

    with Bounds(session, conn, {table: rest.of(table) for table in KEYS}, full):
        in_short_locks(conn, act)
    return [full, *ahead]


def _is_empty(conn: Connection, partition: Partition) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(partition.name))
    return conn.execute(query).fetchone() == (False,)
