"""Reads rules, and the products that they are tried out on."""

from collections.abc import Generator, Iterator, Mapping
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import set_json_loads

from daemon.database.statements import statement
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules.rule import LONGEST_NOTE, LONGEST_PATTERN, Rule
from daemon.workloads.categorization.store import read_json

PAGE = 1_000
BOUNDS: Mapping[str, object] = {"longest_pattern": LONGEST_PATTERN, "longest_note": LONGEST_NOTE}


def _sql(name: LiteralString) -> bytes:
    return statement("daemon.workloads.categorization.rules", name)


def read_active(conn: Connection, most: int) -> list[Rule]:
    """The active rules by id, and one more than `most` where there are more."""
    return _read(conn, "read_rules", {"most": most})


def read_rule(conn: Connection, rule_id: int) -> Rule | None:
    """The rule of this number, active or not."""
    if not 0 <= rule_id < 2**63:
        return None
    return next(iter(_read(conn, "read_rule", {"rule_id": rule_id})), None)


def list_rules(conn: Connection) -> Iterator[Rule]:
    """Every rule by id; page by page, as a pager that waits must hold no transaction open."""
    after = -1
    while page := _read(conn, "list_rules", {"after": after, "limit": PAGE}):
        yield from page
        after = page[-1].id


def _read(conn: Connection, name: LiteralString, parameters: Mapping[str, object]) -> list[Rule]:
    with conn.cursor(row_factory=class_row(Rule)) as cursor:
        return cursor.execute(_sql(name), {**BOUNDS, **parameters}).fetchall()


def stream_products(conn: Connection, limit: int | None) -> Generator[Product]:
    """The shop's products by id, as many as asked for; streamed, in a transaction."""
    with conn.transaction(), conn.cursor("products", row_factory=class_row(Product)) as cursor:
        set_json_loads(read_json, cursor)
        cursor.itersize = PAGE
        cursor.execute(_sql("read_products"), {"limit": limit})
        yield from cursor
