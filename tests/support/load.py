"""How far a batch has come, for tests that act while it is under way."""

from __future__ import annotations

import psycopg


def progress(db: psycopg.Connection, batch_id: int) -> int:
    row = db.execute("SELECT processed_products FROM categorization_batches WHERE id = %s", (batch_id,)).fetchone()
    assert row is not None
    found: int = row[0]
    return found
