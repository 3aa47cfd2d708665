"""Foreign keys: those of a table, and those of other tables to predictions."""

from dataclasses import dataclass
from functools import partial

from psycopg import Connection, sql
from psycopg.rows import class_row

from daemon.database.statements import statement
from daemon.workloads.categorization.partitioning.ddl import add_constraint, alter, drop_constraint
from daemon.workloads.categorization.partitioning.locks import in_short_locks
from daemon.workloads.categorization.partitioning.partition import HEAD, PACKAGE, TAIL

LATER = " NOT VALID"


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key."""

    source: str
    target: str
    name: str
    definition: str
    sets_null: bool
    column_name: str
    is_validated: bool


def outgoing(conn: Connection, table: str) -> list[Reference]:
    """A table's own; of a partition, those that it did not get from its parent."""
    return _read(conn, table, incoming=False)


def incoming(conn: Connection) -> list[Reference]:
    """The foreign keys of other tables to predictions."""
    return [reference for reference in _read(conn, HEAD, incoming=True) if reference.source != TAIL]


def _read(conn: Connection, table: str, *, incoming: bool) -> list[Reference]:
    parameters = {"table": table, "incoming": incoming}
    with conn.cursor(row_factory=class_row(Reference)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_references"), parameters).fetchall()


def drop_reference(conn: Connection, reference: Reference) -> None:
    drop_constraint(conn, reference.source, reference.name)


def add_reference(conn: Connection, reference: Reference) -> None:
    """To the partitioned table, for new rows at once; `validate_references` looks at the old ones."""
    add_constraint(conn, reference.source, reference.name, reference.definition.removesuffix(LATER) + LATER)


def validate_references(conn: Connection) -> None:
    """Those that were added without a look at the rows that were there."""
    for reference in incoming(conn):
        if not reference.is_validated:
            name = sql.Identifier(reference.name)
            in_short_locks(conn, partial(alter, conn, reference.source, "VALIDATE CONSTRAINT {}", name))
