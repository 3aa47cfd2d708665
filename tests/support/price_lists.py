"""Suppliers and their lists, as PHP inserts them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from daemon.engine.preparation import HeldBatch, Preparations
from daemon.engine.queue import Queue, Timing
from daemon.workloads.price_lists.order import TABLE
from tests.support.database import Database


def supplier(db: psycopg.Connection, name: str = "Acme", **columns: Any) -> int:
    """Insert a supplier; returns its id."""
    return _insert(db, "suppliers", {"name": name, **columns})


def order(db: psycopg.Connection, supplier_id: int, source_url: str | Path | None, **columns: Any) -> int:
    """Insert an import the way PHP does; returns its id."""
    columns = {"supplier_id": supplier_id, "source_type": "csv", **columns}
    return _insert(db, "supplier_imports", columns | {"source_url": None if source_url is None else str(source_url)})


def offer(db: psycopg.Connection, import_id: int, name: str = "Bolt", **columns: Any) -> int:
    """An item as the daemon would have written it, with a price of 2 EUR; returns its id."""
    defaults = {"match_status": "review", "match_score": 90, "price": 2, "currency": "EUR", "is_available": True}
    row = db.execute("SELECT supplier_id FROM supplier_imports WHERE id = %s", (import_id,)).fetchone()
    assert row is not None
    known = {"supplier_id": row[0], "item_key": f"name||{name}", "name": name, "last_import_id": import_id}
    return _insert(db, "supplier_items", defaults | known | columns)


def read_import(db: psycopg.Connection, import_id: int) -> dict[str, Any]:
    """The import's row."""
    row = db.execute("SELECT to_jsonb(import) FROM supplier_imports AS import WHERE id = %s", (import_id,)).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


def rows(db: psycopg.Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    return db.execute(query, parameters).fetchall()  # type: ignore[call-overload,no-any-return]


def lines_of(db: psycopg.Connection, import_id: int, columns: str = "number, name") -> list[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM supplier_import_lines WHERE import_id = %s ORDER BY number"  # noqa: S608
    return rows(db, query, import_id)


def hold(db: psycopg.Connection, database: Database, worker: str = "test/p1") -> HeldBatch:
    """The next import that waits to be prepared, in this test's hands."""
    preparations = Preparations(Queue("price-lists", TABLE, "test", Timing()))
    db.execute("UPDATE batch_preparations SET run_after = NULL, kept_until = NULL, claimed_by = NULL")
    taken = preparations.take(db, worker)
    assert taken is not None
    return HeldBatch(preparations, taken, worker, database.connect, threading.Event())


def write_list(path: Path, *lines: str) -> Path:
    """A list with a header of its own, if the first line is not one: sku;name;manufacturer;part_number;price."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _insert(db: psycopg.Connection, table: str, columns: dict[str, Any]) -> int:
    given = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in columns.items()}
    names = ", ".join(given)
    row = db.execute(
        f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(given))}) RETURNING id",  # noqa: S608
        tuple(given.values()),
    ).fetchone()
    assert row is not None
    inserted: int = row[0]
    return inserted
