"""What the sync reads and writes of suppliers, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from daemon.database.statements import statement
from daemon.workloads.price_lists.suppliers.entry import Entry

PACKAGE = "daemon.workloads.price_lists.suppliers"


class Gone(NamedTuple):
    """Suppliers that came from the sheet: how many are active, and how many of these are not listed any more."""

    known: int
    gone: int


@dataclass(frozen=True, slots=True)
class Written:
    new: int
    changed: int


def read_time(conn: Connection) -> datetime:
    """By the database's clock."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        found: datetime | None = cursor.execute(statement(PACKAGE, "read_time")).fetchone()
    assert found is not None  # noqa: S101  # for the type checker
    return found


def lock(conn: Connection) -> None:
    """One sync writes at a time, until the end of the transaction."""
    conn.execute(statement(PACKAGE, "lock"))


def count_gone(conn: Connection, names: Sequence[str]) -> Gone:
    row = conn.execute(statement(PACKAGE, "count_gone"), {"names": list(names)}).fetchone()
    assert row is not None  # noqa: S101  # for the type checker
    return Gone(*row)


def write_suppliers(conn: Connection, entries: Sequence[Entry]) -> Written:
    """What has not changed is not written."""
    parameters = {
        "names": [entry.name for entry in entries],
        "types": [entry.source_type for entry in entries],
        "urls": [entry.source_url for entry in entries],
        "actives": [entry.is_active for entry in entries],
        "metas": [Jsonb({**entry.meta, "sheet_columns": sorted(entry.meta)}) for entry in entries],
    }
    with conn.cursor(row_factory=scalar_row) as cursor:
        is_new = cursor.execute(statement(PACKAGE, "write_suppliers"), parameters).fetchall()
    return Written(sum(is_new), len(is_new) - sum(is_new))


def set_inactive(conn: Connection, names: Sequence[str]) -> list[str]:
    """Those that came from the sheet and are not among these names; which they are."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement(PACKAGE, "set_inactive"), {"names": list(names)}).fetchall()


def order_imports(conn: Connection, since: datetime) -> int:
    """For active suppliers that have no open import, and none that was ordered since that moment; how many."""
    return conn.execute(statement(PACKAGE, "order_imports"), {"since": since}).rowcount
