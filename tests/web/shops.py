"""Shops for the page to show: what the daemon would have written, by SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import psycopg

from tests.support.factories import batch, shop

HOSTILE = "<script>alert(1)</script>\u202e\x07\x1b[2J\"'><img src=x onerror=alert(2)>"
HUGE = "x" * 100_000


def predicted(db: psycopg.Connection, products: int = 12, **columns: object) -> tuple[int, list[int]]:
    """A completed batch whose products are predicted ever more surely, with evidence; its id, and the predictions'."""
    ids = shop(db, products)
    batch_id = ended(db, ids, **columns)
    rows = db.execute(
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label,"
        " confidence_score, confidence_level, alternatives)"
        " SELECT id, %s, 'hammers', 'Hammers', confidence, CASE WHEN confidence >= 90 THEN 'high' WHEN confidence >= 60"
        " THEN 'medium' ELSE 'low' END, %s FROM unnest(%s::bigint[]) WITH ORDINALITY AS product (id, place),"
        " LATERAL (SELECT 10 + 90.0 * place / %s AS confidence) AS sure ORDER BY place RETURNING id",
        (batch_id, json.dumps([{"code": "pipes", "label": "Pipes", "probability": 4.1}]), ids, products),
    ).fetchall()
    db.execute(
        "INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)"
        " SELECT id, 'name', 'Name', 'steel hammer ' || product_id, 0.5 FROM predictions WHERE batch_id = %s",
        (batch_id,),
    )
    return batch_id, sorted(row[0] for row in rows)


def ended(
    db: psycopg.Connection, ids: Sequence[object], ago: timedelta = timedelta(minutes=5), **columns: object
) -> int:
    """A batch that was completed in two seconds, after one of waiting."""
    number = len(ids)
    defaults = {
        "status": "completed",
        "total_products": number,
        "processed_products": number,
        "success_products": number,
    }
    batch_id = batch(db, list(ids), **(defaults | columns))
    db.execute(
        "UPDATE categorization_batches SET created_at = start - interval '1 s', started_at = start,"
        " completed_at = CASE WHEN status IN ('pending', 'processing') THEN NULL ELSE start + interval '2 s' END"
        " FROM (SELECT now() - %s AS start) AS moved WHERE id = %s",
        (ago, batch_id),
    )
    return batch_id


def in_error(
    db: psycopg.Connection, batch_id: int, number: int, code: str = "unknown_product", message: str = "none"
) -> None:
    db.execute(
        "INSERT INTO categorization_errors (batch_id, item, code, message)"
        " SELECT %s, to_jsonb(i), %s, %s FROM generate_series(1, %s) AS i",
        (batch_id, code, message, number),
    )


def is_at_work(db: psycopg.Connection, batch_id: int, processed: int) -> None:
    db.execute(
        "UPDATE categorization_batches SET status = 'processing', completed_at = NULL, processed_products = %s"
        " WHERE id = %s",
        (processed, batch_id),
    )
