"""Makes pairs of partitions, and puts them into the tables and out of them."""

from collections.abc import Sequence
from functools import partial

from psycopg import Connection, sql

from daemon.workloads.categorization.partitioning.belongings import keep_owner
from daemon.workloads.categorization.partitioning.bounds import BOUND
from daemon.workloads.categorization.partitioning.ddl import add_constraint, alter, drop_constraint, execute
from daemon.workloads.categorization.partitioning.locks import in_short_locks
from daemon.workloads.categorization.partitioning.partition import HEAD, KEYS, TAIL, Partition
from daemon.workloads.categorization.partitioning.references import outgoing, validate_references


def create(conn: Connection, partition: Partition, like: Partition) -> None:
    """An empty pair, attached."""
    for table in KEYS:
        _create_one(conn, table, partition.of(table), like.of(table))
    (reference,) = (r for r in outgoing(conn, like.of(TAIL)) if r.target == like.of(HEAD))
    rule = reference.definition.replace(like.of(HEAD), partition.of(HEAD), 1)
    add_constraint(conn, partition.of(TAIL), reference.name, rule)
    for table in KEYS:
        attach(conn, table, partition)


def _create_one(conn: Connection, table: str, name: str, model: str) -> None:
    """With the storage parameters of its model, which LIKE does not know."""
    execute(
        conn,
        "CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING STATISTICS EXCLUDING COMMENTS)",
        sql.Identifier(name),
        sql.Identifier(model),
    )
    row = conn.execute(
        "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = quote_ident(%s)::regclass", (model,)
    ).fetchone()
    if row and row[0]:
        change = sql.SQL("ALTER TABLE {} SET (").format(sql.Identifier(name))
        conn.execute(change.as_bytes(conn) + row[0].encode() + b")")
    keep_owner(conn, table, name)


def attach(conn: Connection, table: str, partition: Partition) -> None:
    alter(
        conn,
        table,
        "ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})",
        sql.Identifier(partition.of(table)),
        sql.SQL("MINVALUE") if partition.lower is None else sql.Literal(partition.lower),
        sql.SQL("MAXVALUE") if partition.upper is None else sql.Literal(partition.upper),
    )


def detach(conn: Connection, table: str, partition: Partition) -> None:
    alter(conn, table, "DETACH PARTITION {}", sql.Identifier(partition.of(table)))


def attach_full(conn: Connection, full: Partition, ahead: Sequence[Partition]) -> None:
    """A pair with rows, whose bounds are checked, for good; above it empty ones, the last of them open."""
    for table in KEYS:
        attach(conn, table, full)
        drop_constraint(conn, full.of(table), BOUND)
    rest = Partition.between([full, *ahead][-1].upper, None)
    for partition in [*ahead, rest]:
        create(conn, partition, like=full)


def finish(conn: Connection) -> None:
    """What need not be done under a lock. Nobody but this command analyzes a partitioned table as a whole."""
    validate_references(conn)
    for table in KEYS:
        analyze = sql.SQL("ANALYZE {}").format(sql.Identifier(table))
        in_short_locks(conn, partial(conn.execute, analyze))
