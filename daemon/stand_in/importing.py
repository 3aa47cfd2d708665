"""Loads catalogue rows into the stand-in shop: all of them, or none."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from daemon.database.bulk import copy_rows
from daemon.database.failures import summary
from daemon.database.statements import statement

INCOMING = "catalogd_incoming"
COLUMNS = (
    "sku",
    "name",
    "manufacturer",
    "part_number",
    "description",
    "attributes",
    "category_code",
    "category_label",
    "category_path",
)


class IncomingRow(NamedTuple):
    """One product as it comes; `attributes` is JSON text. The fields are COLUMNS, between two of our own."""

    line: int
    sku: str
    name: str | None
    manufacturer: str | None
    part_number: str | None
    description: str | None
    attributes: str | None
    category_code: str | None
    category_label: str | None
    category_path: str | None
    is_held_out: bool  # loaded without its category


@dataclass(frozen=True, slots=True)
class Imported:
    """How much was loaded; the held out products are among the products."""

    products: int
    categories: int
    held_out: int


class NoStandIn(Exception):
    """The database has no stand-in shop to load into; the message names what is missing."""


class RepeatedSku(Exception):
    """Two rows have the same sku."""

    def __init__(self, sku: str, first_line: int, last_line: int) -> None:
        super().__init__(f"the sku {sku!r} stands in line {first_line} already")
        self.line = last_line


class RefusedRow(Exception):
    """PostgreSQL could not store a row: its attributes are no JSON, or none that it can keep. Counted from 1."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(f"attributes is not JSON that PostgreSQL can store ({reason})")
        self.row = row


def import_rows(conn: Connection, rows: Iterable[IncomingRow], columns: Collection[str] = COLUMNS) -> Imported:
    """Load rows in one transaction, a product for each and the categories they name; known skus are updated.

    `columns` are those that the rows really have: of a known product, the others keep their value. Raises
    NoStandIn, RepeatedSku or RefusedRow, and whatever `rows` raises; nothing is loaded then.
    """
    with conn.transaction():
        _require_stand_in(conn)
        conn.execute(_sql("create_incoming"))
        # The rows may come as slowly as they like: nothing of the shop is locked yet.
        _copy(conn, rows)
        _require_distinct(conn)
        with conn.cursor(row_factory=class_row(Imported)) as cursor:
            imported = cursor.execute(_sql("count_incoming")).fetchone()
        assert imported is not None  # noqa: S101  # an aggregate has a row
        conn.execute(_sql("import_categories"))
        conn.execute(_sql("import_products"), {"columns": list(columns)})
        return imported


def _require_stand_in(conn: Connection) -> None:
    with conn.cursor(row_factory=scalar_row) as cursor:
        missing = cursor.execute(_sql("missing_columns")).fetchall()
    if missing:
        raise NoStandIn(f"there is no stand-in shop in this database ({missing[0]} is missing)")


def _copy(conn: Connection, rows: Iterable[IncomingRow]) -> None:
    try:
        copy_rows(conn, INCOMING, IncomingRow._fields, rows)
    except psycopg.Error as error:
        # In the server's language, but for the number and the name of the column.
        place = re.search(rf"COPY {INCOMING}\D+(\d+)\W.*attributes", error.diag.context or "")
        if place is None:
            raise
        raise RefusedRow(int(place[1]), summary(error)) from error


def _require_distinct(conn: Connection) -> None:
    repeated = conn.execute(_sql("find_repeated")).fetchone()
    if repeated is not None:
        raise RepeatedSku(*repeated)


def _sql(name: str) -> bytes:
    return statement("daemon.stand_in", name)
