"""What the preparation of an import reads and writes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, Rollback
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from daemon.database.bulk import copy_rows
from daemon.database.failures import storable
from daemon.database.statements import statement
from daemon.workloads.price_lists.keys import item_key
from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.order import Order, Phase

PACKAGE = "daemon.workloads.price_lists"
LINE_COLUMNS = (
    *("import_id", "number", "item_key", "sku", "name", "manufacturer", "part_number", "barcode", "price", "currency"),
    *("stock", "is_available", "characteristics", "error"),
)


class Previous(NamedTuple):
    """The supplier's newest list, which was imported to its end."""

    id: int
    fetched: Any


class Turn(NamedTuple):
    """Where a list stands among the others of its supplier."""

    has_to_wait: bool  # for an earlier one
    overtaken_by: int | None  # a later import whose list has been read

    @property
    def is_now(self) -> bool:
        return not self.has_to_wait and self.overtaken_by is None


class Gone(NamedTuple):
    """Items that a list has no longer, out of so many that there were."""

    item_ids: Sequence[int]
    known: int


def read_order(conn: Connection, import_id: int) -> Order | None:
    with conn.cursor(row_factory=class_row(Order)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_order"), {"import_id": import_id}).fetchone()


def read_previous(conn: Connection, import_id: int) -> Previous | None:
    row = conn.execute(statement(PACKAGE, "read_previous"), {"import_id": import_id}).fetchone()
    return None if row is None else Previous(*row)


def write_phase(conn: Connection, import_id: int, phase: Phase, percent: int) -> None:
    """`percent` is of the phase, from 0 to 100."""
    parameters = {"import_id": import_id, "phase": phase.value, "percent": max(0, min(percent, 100))}
    conn.execute(statement(PACKAGE, "write_phase"), parameters)


def write_fetched(conn: Connection, import_id: int, file_name: str, checksum: str, fetched: Mapping[str, Any]) -> None:
    parameters = {"import_id": import_id, "file_name": file_name, "checksum": checksum, "fetched": Jsonb(fetched)}
    conn.execute(statement(PACKAGE, "write_fetched"), parameters)


def write_unchanged(
    conn: Connection, import_id: int, earlier: int, how: str, checksum: str, fetched: Mapping[str, Any]
) -> None:
    parameters = {
        "import_id": import_id,
        "earlier": earlier,
        "how": how,
        "checksum": checksum,
        "fetched": Jsonb(fetched),
    }
    conn.execute(statement(PACKAGE, "write_unchanged"), parameters)


def read_turn(conn: Connection, import_id: int) -> Turn:
    row = conn.execute(statement(PACKAGE, "read_turn"), {"import_id": import_id}).fetchone()
    return Turn(False, None) if row is None else Turn(*row)


def write_overtaken(conn: Connection, import_id: int, later: int) -> None:
    conn.execute(statement(PACKAGE, "write_overtaken"), {"import_id": import_id, "later": later})


def drop_lines(conn: Connection, import_id: int) -> None:
    conn.execute(statement(PACKAGE, "drop_lines"), {"import_id": import_id})


def write_lines(conn: Connection, import_id: int, lines: Iterable[Line | BadLine]) -> None:
    """Append lines as they were read, usable or not."""
    rows = [_row(import_id, line) for line in lines]
    copy_rows(conn, "supplier_import_lines", LINE_COLUMNS, rows)


def has_lost_lines(conn: Connection, import_id: int) -> bool:
    """Whether lines that it names are not there any more."""
    row = conn.execute(statement(PACKAGE, "has_lost_lines"), {"import_id": import_id}).fetchone()
    return row is not None and bool(row[0])


def write_read(conn: Connection, import_id: int, detected: Mapping[str, Any]) -> None:
    """The list is read: what is on the lines written so far is the batch."""
    conn.execute(statement(PACKAGE, "write_read"), {"import_id": import_id, "detected": Jsonb(detected)})


def find_gone(conn: Connection, import_id: int, supplier_id: int) -> Gone:
    parameters = {"import_id": import_id, "supplier_id": supplier_id}
    rows = conn.execute(statement(PACKAGE, "find_gone"), parameters).fetchall()
    return Gone([row[0] for row in rows], rows[0][1] if rows else 0)


def mark_gone(conn: Connection, import_id: int, item_ids: Sequence[int]) -> None:
    """The items are offered no longer, and their products' best offers are others."""
    while not _mark_gone(conn, {"ids": list(item_ids), "import_id": import_id}):
        pass


def _mark_gone(conn: Connection, parameters: Mapping[str, Any]) -> bool:
    """False, and nothing is done, when an item was linked to another product before it could be locked: products are
    locked before items, as everywhere."""
    with conn.transaction() as attempt, conn.cursor(row_factory=scalar_row) as cursor:
        locked = set(cursor.execute(statement(PACKAGE, "lock_products_of_items"), parameters))
        touched = {found for found in cursor.execute(statement(PACKAGE, "mark_gone"), parameters) if found is not None}
        if not touched <= locked:
            raise Rollback(attempt)
        conn.execute(statement(PACKAGE, "supersede_reviews"), {"item_ids": parameters["ids"]})
        if touched:
            conn.execute(statement(PACKAGE, "refresh_offers"), {"product_ids": sorted(touched)})
        return True
    return False


def _row(import_id: int, line: Line | BadLine) -> tuple[object, ...]:
    if isinstance(line, BadLine):
        error = {"code": line.code, "reason": line.reason, "column": line.column, "value": line.value}
        return (import_id, line.number, *(None,) * 11, _json(error))
    return (
        *(import_id, line.number, item_key(line)),
        *(_text(line.sku), storable(line.name), _text(line.manufacturer), _text(line.part_number), line.barcode),
        *(line.price, line.currency, line.stock, line.is_available),
        _json(dict(line.characteristics)) if line.characteristics else None,
        None,
    )


def _text(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _json(value: object) -> str:
    return json.dumps(_storable(value), ensure_ascii=False)


def _storable(value: Any) -> Any:
    """Without what Postgres cannot hold in JSON: NUL, and halves of surrogate pairs."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(key): _storable(entry) for key, entry in value.items()}
    return value
