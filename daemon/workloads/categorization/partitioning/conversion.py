"""Makes the two plain tables the first pair of partitioned ones."""

from collections.abc import Sequence

import structlog
from psycopg import Connection, sql
from psycopg.rows import scalar_row

from daemon.database.pool import Session
from daemon.database.schema import record
from daemon.database.statements import statement
from daemon.workloads.categorization.partitioning.belongings import (
    Index,
    keep_owner,
    move_numbering,
    move_rights,
    read_indexes,
    read_numbering,
    rename_indexes,
    take_triggers,
)
from daemon.workloads.categorization.partitioning.bounds import BOUND, Bounds
from daemon.workloads.categorization.partitioning.ddl import add_constraint, alter, drop_constraint, execute
from daemon.workloads.categorization.partitioning.locks import in_short_locks, lock_all, milliseconds_since
from daemon.workloads.categorization.partitioning.pairs import attach_full, finish
from daemon.workloads.categorization.partitioning.partition import KEYS, PACKAGE, TAIL, Partition, PartitionRefused
from daemon.workloads.categorization.partitioning.ranges import AHEAD, next_bound, ranges
from daemon.workloads.categorization.partitioning.references import (
    Reference,
    add_reference,
    drop_reference,
    incoming,
    outgoing,
)

log = structlog.get_logger()


def convert(session: Session, conn: Connection, rows: int) -> None:
    """No row is rewritten, nothing is read under a lock.

    Raises PartitionRefused where something hangs on a table that would be left behind, and psycopg's errors.
    """
    for table in KEYS:
        _refuse_obstacles(conn, table)
    first = Partition.between(None, next_bound(conn, rows))
    ahead = ranges(first.upper, first.upper, rows, AHEAD - 1)
    # Named as they are now: the old tables, before they are partitions.
    with Bounds(session, conn, {table: table for table in KEYS}, first):
        held_ms = in_short_locks(conn, lambda: _convert(conn, first, ahead))
    log.info("partition.converted", partition=first.name, upper=first.upper, held_ms=held_ms)
    finish(conn)


def _refuse_obstacles(conn: Connection, table: str) -> None:
    parameters = {"table": table, "bound": BOUND}
    with conn.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(statement(PACKAGE, "find_obstacles"), parameters).fetchall()
    if found:
        raise PartitionRefused(
            f"table {table} cannot be partitioned: {found[0]}; remove it (views and triggers can be made again"
            " on the partitioned table), then run catalogd partition again"
        )


def _convert(conn: Connection, first: Partition, ahead: Sequence[Partition]) -> float:
    began = lock_all(conn)
    references = incoming(conn)
    for reference in references:
        drop_reference(conn, reference)
    for table in KEYS:
        _put_parent_over(conn, table, first.of(table))
    attach_full(conn, first, ahead)
    for reference in references:
        add_reference(conn, reference)
    record(conn)
    return milliseconds_since(began)


def _put_parent_over(conn: Connection, table: str, leaf: str) -> None:
    """Rename a plain table, and make a partitioned one of its name with all that belongs to it."""
    indexes, references = read_indexes(conn, table), outgoing(conn, table)
    numbering, triggers = read_numbering(conn, table), take_triggers(conn, table)
    alter(conn, table, "RENAME TO {}", sql.Identifier(leaf))
    rename_indexes(conn, indexes, table, leaf)
    _create_parent(conn, table, leaf)
    move_numbering(conn, numbering, leaf, table)
    _add_indexes(conn, table, indexes)
    _add_references(conn, table, references)
    for trigger in triggers:  # its partitions get it as they are attached
        conn.execute(trigger)
    move_rights(conn, leaf, table)


def _create_parent(conn: Connection, table: str, leaf: str) -> None:
    execute(
        conn,
        "CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES EXCLUDING STATISTICS)"
        " PARTITION BY RANGE ({})",
        sql.Identifier(table),
        sql.Identifier(leaf),
        sql.Identifier(KEYS[table]),
    )
    drop_constraint(conn, table, BOUND)  # which came along
    keep_owner(conn, leaf, table)


def _add_indexes(conn: Connection, table: str, indexes: Sequence[Index]) -> None:
    """Those that a partitioned table can have: a unique one needs the column of the bounds."""
    for index in indexes:
        if index.is_primary and KEYS[table] == "id":
            alter(conn, table, "ADD CONSTRAINT {} PRIMARY KEY (id)", sql.Identifier(str(index.constraint_name)))
        elif not index.is_unique:
            conn.execute(index.definition.encode())  # as it was read, it names the table that is new now


def _add_references(conn: Connection, table: str, references: Sequence[Reference]) -> None:
    for reference in references:
        if reference.column_name != KEYS[TAIL]:  # that one stays between the partitions
            add_constraint(conn, table, reference.name, reference.definition)
