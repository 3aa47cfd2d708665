"""What the server itself can do: the same rows in its own hands (L1), and ready rows poured in (L2)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import monotonic

import psycopg

from bench.shop import Shop
from bench.speed.arena import Wrong, ids, open_batch, verify
from bench.speed.load import Load
from bench.speed.work import (
    EVIDENCE_COLUMNS,
    MODEL_VERSION,
    PREDICTION_COLUMNS,
    evidence_lines,
    prediction_lines,
    trivial_decision,
)

CHUNK = 1000  # products of one transaction of L2

MARK = "UPDATE products SET status = 'predicted' WHERE id BETWEEN %(first)s AND %(last)s"
COUNT = """
    UPDATE categorization_batches
    SET processed_products = %(count)s, success_products = %(count)s, status = 'completed',
        completed_at = clock_timestamp()
    WHERE id = %(batch)s"""
SERVER_SIDE = f"""
    WITH prediction AS (
        INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label,
                                 confidence_score, confidence_level, status, model_version)
        SELECT id, %(batch)s, %(code)s, %(label)s, %(confidence)s, %(level)s, 'pending', {MODEL_VERSION}
        FROM products
        WHERE id BETWEEN %(first)s AND %(last)s
        RETURNING id
    )
    INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)
    SELECT prediction.id, reason.*
    FROM prediction
    CROSS JOIN unnest(%(types)s::text[], %(labels)s::text[], %(texts)s::text[], %(weights)s::numeric[]) AS reason"""
PREPARED = f"""
    INSERT INTO predictions ({PREDICTION_COLUMNS})
    SELECT {PREDICTION_COLUMNS.replace("batch_id", "%(batch)s")} FROM prepared_predictions ORDER BY id"""
PREPARED_EVIDENCE = f"""
    INSERT INTO evidence ({EVIDENCE_COLUMNS})
    SELECT {EVIDENCE_COLUMNS} FROM prepared_evidence ORDER BY prediction_id"""


def server_side(shop: Shop, products: int, skip: int) -> dict[str, float]:
    """L1: one transaction in which no row crosses the wire."""
    chosen = _range(shop, products, skip)
    batch_id = open_batch(shop, products)
    decision = trivial_decision()
    types, labels, texts, weights = (list(column) for column in zip(*decision.evidence, strict=True))
    parameters = {
        **{"first": chosen[0], "last": chosen[-1], "batch": batch_id, "count": products},
        **{"code": decision.code, "label": decision.label, "confidence": decision.confidence, "level": decision.level},
        **{"types": types, "labels": labels, "texts": texts, "weights": weights},
    }
    return _in_one_transaction(shop, [SERVER_SIDE, MARK, COUNT], parameters, products, len(types))


def prepare_rows(shop: Shop, batch_id: int) -> None:
    """Keep the rows of a batch aside, in their order, and forget that it was treated."""
    shop.db.execute(
        f"CREATE UNLOGGED TABLE prepared_predictions AS SELECT {PREDICTION_COLUMNS} FROM predictions"
        " WHERE batch_id = %s AND status = 'pending' ORDER BY id",
        (batch_id,),
    )
    shop.db.execute(
        f"CREATE UNLOGGED TABLE prepared_evidence AS SELECT {EVIDENCE_COLUMNS} FROM evidence"
        " WHERE prediction_id IN (SELECT id FROM prepared_predictions) ORDER BY prediction_id, id"
    )
    shop.db.execute("TRUNCATE predictions, evidence, categorization_batches, audit_log CASCADE")
    shop.db.execute("UPDATE products SET status = NULL")
    shop.db.execute("VACUUM FULL ANALYZE products")
    shop.db.execute("VACUUM ANALYZE prepared_predictions, prepared_evidence")


def server_side_prepared(shop: Shop, products: int, skip: int) -> dict[str, float]:
    """L1 of rows that were prepared: they stand in tables beside, with the ids they are to have."""
    chosen = _range(shop, products, skip)
    parameters: dict[str, object] = {
        **{"first": chosen[0], "last": chosen[-1], "batch": open_batch(shop, products), "count": products},
    }
    return _in_one_transaction(shop, [PREPARED, PREPARED_EVIDENCE, MARK, COUNT], parameters, products, None)


def _in_one_transaction(
    shop: Shop, statements: Sequence[str], parameters: dict[str, object], products: int, evidence: int | None
) -> dict[str, float]:
    with Load(shop) as load:
        began = monotonic()
        with shop.db.transaction():
            for statement in statements:
                shop.db.execute(statement, parameters)
        took = monotonic() - began
    verify(shop, [int(str(parameters["batch"]))], products, evidence)
    return {"products_per_s": products / took, **load.per(products)}


def poured(shop: Shop, products: int, skip: int, connections: int) -> dict[str, float]:
    """L2: COPY of rows that are ready, in chunks, by so many connections at once, each into a batch of its own.

    Nothing is read, marked or counted.
    """
    chosen = ids(shop, products, skip)
    shares = [chosen[number::connections] for number in range(connections)]
    batch_ids = [open_batch(shop, len(share)) for share in shares]
    first = 1
    chunks: list[list[tuple[bytes, bytes]]] = []
    for share, batch_id in zip(shares, batch_ids, strict=True):
        chunks.append([])
        for at in range(0, len(share), CHUNK):
            part = share[at : at + CHUNK]
            numbers = range(first, first + len(part))
            chunks[-1].append((prediction_lines(numbers, part, batch_id).encode(), evidence_lines(numbers).encode()))
            first += len(part)
    opened = [psycopg.connect(shop.dsn, autocommit=True) for _ in shares]
    gate = threading.Barrier(connections + 1)
    failures: list[BaseException] = []
    pourers = [
        threading.Thread(target=_pour, args=(conn, own, gate, failures))
        for conn, own in zip(opened, chunks, strict=True)
    ]
    for pourer in pourers:
        pourer.start()
    with Load(shop) as load:
        gate.wait()
        began = monotonic()
        for pourer in pourers:
            pourer.join()
        took = monotonic() - began
    for conn in opened:
        conn.close()
    if failures:
        raise failures[0]
    written = shop.db.execute("SELECT count(*), (SELECT count(*) FROM evidence) FROM predictions").fetchone()
    if written != (products, products * len(trivial_decision().evidence)):
        raise Wrong(f"L2 wrote {written}")
    return {"products_per_s": products / took, **load.per(products)}


def _pour(
    conn: psycopg.Connection,
    chunks: Sequence[tuple[bytes, bytes]],
    gate: threading.Barrier,
    failures: list[BaseException],
) -> None:
    gate.wait()
    try:
        for predictions, evidence in chunks:
            with conn.transaction(), conn.cursor() as cursor:
                with cursor.copy(f"COPY predictions ({PREDICTION_COLUMNS}) FROM STDIN") as copy:
                    copy.write(predictions)
                with cursor.copy(f"COPY evidence ({EVIDENCE_COLUMNS}) FROM STDIN") as copy:
                    copy.write(evidence)
    except psycopg.Error as error:
        failures.append(error)


def _range(shop: Shop, products: int, skip: int) -> list[int]:
    chosen = ids(shop, products, skip)
    if chosen[-1] - chosen[0] + 1 != products:
        raise Wrong("the products' ids have gaps: they cannot be named by a range")
    return chosen
