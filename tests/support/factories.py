"""Rows for tests: keywords with defaults. Time is moved in the data, not awaited."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

CATEGORIES = {"hammers": "Hammers", "pipes": "Pipes"}


def shop(db: Connection, products: int = 0, labelled: int = 0) -> list[int]:
    """Fill the stand-in shop: one user, two categories, `products` products (hammers and pipes in turn), of which the
    first `labelled` have their category. Returns the product ids, ascending."""
    db.execute("INSERT INTO users (id, name) VALUES (7, 'Ann') ON CONFLICT DO NOTHING")
    for code, label in CATEGORIES.items():
        db.execute(
            "INSERT INTO categories VALUES (%s, %s, 'Tools > ' || %s) ON CONFLICT DO NOTHING", (code, label, label)
        )
    rows = db.execute(
        """
        INSERT INTO products (sku, name, manufacturer, part_number, description, attributes, category_code)
        SELECT 'SKU-' || i,
               CASE i %% 2 WHEN 0 THEN 'steel hammer ' ELSE 'copper pipe ' END || i,
               CASE i %% 2 WHEN 0 THEN 'Hitwell' ELSE 'Flowright' END,
               CASE i %% 2 WHEN 0 THEN 'HM' ELSE 'PX' END || (1000 + i),
               CASE i %% 2 WHEN 0 THEN 'for nails' ELSE 'for water' END,
               jsonb_build_object('Colour', CASE i %% 2 WHEN 0 THEN 'red' ELSE 'brown' END),
               CASE WHEN i <= %(labelled)s THEN CASE i %% 2 WHEN 0 THEN 'hammers' ELSE 'pipes' END END
        FROM generate_series(1, %(products)s) AS i
        RETURNING id
        """,
        {"products": products, "labelled": labelled},
    ).fetchall()
    return sorted(row[0] for row in rows)


def batch(db: Connection, product_ids: object, created_by: int | None = None, **columns: Any) -> int:
    """Insert a batch the way PHP does: `product_ids` is anything JSON can say. Returns its id."""
    if not isinstance(product_ids, str | dict) and isinstance(product_ids, Iterable):
        product_ids = list(product_ids)
    names = ["product_ids", "created_by", *columns]
    row = db.execute(
        f"INSERT INTO categorization_batches ({', '.join(names)})"  # noqa: S608  # names are the tests' own
        f" VALUES ({', '.join(['%s'] * len(names))}) RETURNING id",
        (Jsonb(product_ids), created_by, *columns.values()),
    ).fetchone()
    assert row is not None
    batch_id: int = row[0]
    return batch_id


def read_batch(db: Connection, batch_id: int) -> dict[str, Any]:
    """The batch's row without its items."""
    row = db.execute(
        "SELECT to_jsonb(batch) - 'product_ids' FROM categorization_batches AS batch WHERE id = %s", (batch_id,)
    ).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


def age_claims(db: Connection, seconds: int = 60, slice_ids: Sequence[int] | None = None) -> None:
    """As if the claims of these slices, or of all, had been made earlier, though not before the server was started."""
    db.execute(
        "UPDATE batch_slices"
        " SET claimed_at = greatest(claimed_at - make_interval(secs => %s), pg_postmaster_start_time())"
        " WHERE %s::bigint[] IS NULL OR id = ANY(%s)",
        (seconds, slice_ids, slice_ids),
    )


def errors_of(db: Connection, batch_id: int) -> list[tuple[str, str]]:
    """Item as JSON text and code of each item error, sorted."""
    rows = db.execute("SELECT item, code FROM categorization_errors WHERE batch_id = %s", (batch_id,))
    return sorted((json.dumps(item), code) for item, code in rows)


def assert_settled(db: Connection, batch_id: int, product_ids: Sequence[int], errors: int = 0) -> None:
    """The invariants of a batch that is done: counters true, each product predicted once, each with evidence."""
    row = read_batch(db, batch_id)
    assert row["status"] == "completed"
    assert row["total_products"] == row["processed_products"] == len(product_ids) + errors
    assert row["success_products"] == len(product_ids)
    recorded = db.execute("SELECT count(*) FROM categorization_errors WHERE batch_id = %s", (batch_id,)).fetchone()
    assert recorded == (errors,)
    assert row["error_products"] == errors
    predicted = db.execute("SELECT product_id FROM predictions WHERE batch_id = %s", (batch_id,)).fetchall()
    assert sorted(row[0] for row in predicted) == sorted(product_ids)
    unexplained = db.execute(
        "SELECT count(*) FROM predictions AS p WHERE batch_id = %s"
        " AND NOT EXISTS (SELECT FROM evidence AS e WHERE e.prediction_id = p.id)",
        (batch_id,),
    ).fetchone()
    assert unexplained == (0,)
    assert db.execute("SELECT count(*) FROM batch_slices WHERE batch_id = %s", (batch_id,)).fetchone() == (0,)


def rule(db: Connection, pattern: str, category_code: str, field: str = "name", **columns: Any) -> int:
    """Insert a rule the way PHP does. Returns its id."""
    names = ["field", "pattern", "category_code", *columns]
    row = db.execute(
        f"INSERT INTO category_rules ({', '.join(names)})"  # noqa: S608  # names are the tests' own
        f" VALUES ({', '.join(['%s'] * len(names))}) RETURNING id",
        (field, pattern, category_code, *columns.values()),
    ).fetchone()
    assert row is not None
    rule_id: int = row[0]
    return rule_id
