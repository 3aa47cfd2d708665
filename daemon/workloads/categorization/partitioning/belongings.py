"""What belongs to a table and goes over to the one in its place: indexes, numbering, triggers, rights, owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import class_row

from daemon.database.statements import statement
from daemon.workloads.categorization.partitioning.ddl import alter, execute
from daemon.workloads.categorization.partitioning.partition import PACKAGE


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table, as its catalogue describes it."""

    name: str
    definition: str
    is_unique: bool
    constraint_name: str | None
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Numbering:
    """What numbers the ids of a table."""

    sequence: str
    identity: str  # as pg_attribute tells; empty: a sequence that is no identity's


@dataclass(frozen=True, slots=True)
class Right:
    """To do something with a relation, in the words of a GRANT."""

    privilege: str  # with the column that it is for
    grantee: str
    is_grantable: bool


def read_indexes(conn: Connection, table: str) -> list[Index]:
    with conn.cursor(row_factory=class_row(Index)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_indexes"), {"table": table}).fetchall()


def rename_indexes(conn: Connection, indexes: Sequence[Index], table: str, leaf: str) -> None:
    """After their table, which was `table` and is `leaf` now."""
    for index in indexes:
        fresh = f"{leaf}_{index.name.removeprefix(f'{table}_')}"[:63]
        execute(conn, "ALTER INDEX {} RENAME TO {}", sql.Identifier(index.name), sql.Identifier(fresh))


def take_triggers(conn: Connection, table: str) -> list[bytes]:
    """Drop catalogd's own triggers on a table; returns the statements that make them on the one of its name."""
    found = conn.execute(statement(PACKAGE, "read_triggers"), {"table": table}).fetchall()
    for name, _ in found:
        execute(conn, "DROP TRIGGER {} ON {}", sql.Identifier(name), sql.Identifier(table))
    return [definition.encode() for _, definition in found]


def read_numbering(conn: Connection, table: str) -> Numbering:
    row = conn.execute(
        "SELECT pg_get_serial_sequence(%(table)s, 'id'), attidentity"
        " FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attname = 'id'",
        {"table": table},
    ).fetchone()
    assert row is not None  # noqa: S101  # the migrations saw to the column
    sequence, identity = row
    return Numbering(sequence.rpartition(".")[2].strip('"'), identity)


def move_numbering(conn: Connection, numbering: Numbering, source: str, target: str) -> None:
    """A sequence is handed over; an identity, which cannot be, is made again where the old one stood, with its
    rights."""
    name = numbering.sequence
    if not numbering.identity:
        owned = sql.SQL("{}.{}").format(sql.Identifier(target), sql.Identifier("id"))
        execute(conn, "ALTER SEQUENCE {} OWNED BY {}", sql.Identifier(name), owned)
        return
    rights = _read_rights(conn, name)
    found = conn.execute(
        sql.SQL(
            "SELECT own.last_value + CASE WHEN own.is_called THEN increment_by ELSE 0 END, increment_by, cache_size"
            " FROM {} AS own, pg_sequences WHERE schemaname = current_schema() AND sequencename = {}"
        ).format(sql.Identifier(name), sql.Literal(name))
    ).fetchone()
    assert found is not None  # noqa: S101  # it is the identity's own
    alter(conn, source, "ALTER COLUMN id DROP IDENTITY")
    alter(
        conn,
        target,
        "ALTER COLUMN id ADD GENERATED {} AS IDENTITY (SEQUENCE NAME {} START {} INCREMENT {} CACHE {})",
        sql.SQL("ALWAYS" if numbering.identity == "a" else "BY DEFAULT"),
        sql.Identifier(name),
        *map(sql.Literal, found),
    )
    _grant(conn, rights, name, of="SEQUENCE")


def move_rights(conn: Connection, source: str, target: str) -> None:
    """Who reads and writes does so by the table of all partitions; once detached, one is the owner's alone."""
    _grant(conn, _read_rights(conn, source), target, of="TABLE")
    on = sql.SQL("REVOKE ALL ON {} FROM ").format(sql.Identifier(source)).as_bytes(conn)
    for grantee in sorted({right.grantee for right in _read_rights(conn, source)}):
        conn.execute(on + grantee.encode() + b" CASCADE")


def _read_rights(conn: Connection, relation: str) -> list[Right]:
    with conn.cursor(row_factory=class_row(Right)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_rights"), {"relation": relation}).fetchall()


def _grant(conn: Connection, rights: Sequence[Right], relation: str, of: LiteralString) -> None:
    for right in rights:
        on = sql.SQL(" ON {} {} TO ").format(sql.SQL(of), sql.Identifier(relation)).as_bytes(conn)
        option = b" WITH GRANT OPTION" if right.is_grantable else b""
        conn.execute(b"GRANT " + right.privilege.encode() + on + right.grantee.encode() + option)


def keep_owner(conn: Connection, source: str, target: str) -> None:
    """What a superuser makes belongs to the owner of what was there."""
    row = conn.execute(
        "SELECT pg_get_userbyid(relowner), current_user FROM pg_class WHERE oid = quote_ident(%s)::regclass", (source,)
    ).fetchone()
    assert row is not None  # noqa: S101  # the relation exists
    owner, user = row
    if owner != user:
        alter(conn, target, "OWNER TO {}", sql.Identifier(owner))
