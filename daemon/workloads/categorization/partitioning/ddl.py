"""The words of DDL, with names filled in."""

from typing import LiteralString

from psycopg import Connection, sql


def execute(conn: Connection, text: LiteralString, *parts: sql.Composable) -> None:
    """`{}` in the text becomes the part that stands for it."""
    conn.execute(sql.SQL(text).format(*parts))


def alter(conn: Connection, table: str, change: LiteralString, *parts: sql.Composable) -> None:
    execute(conn, "ALTER TABLE {} {}", sql.Identifier(table), sql.SQL(change).format(*parts))


def add_constraint(conn: Connection, table: str, name: str, definition: str) -> None:
    """Of a definition that the server wrote: nothing in it is filled in."""
    add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(sql.Identifier(table), sql.Identifier(name))
    conn.execute(add.as_bytes(conn) + definition.encode())


def drop_constraint(conn: Connection, table: str, name: str) -> None:
    alter(conn, table, "DROP CONSTRAINT {}", sql.Identifier(name))
