"""The script that people write first: one connection, one product after the other, a commit for each."""

from __future__ import annotations

from time import monotonic

from bench.shop import Shop
from bench.speed.arena import ids, open_batch, verify
from bench.speed.load import Load
from bench.speed.work import MODEL_VERSION, trivial_decision

FIND = "SELECT id FROM predictions WHERE batch_id = %s AND product_id = %s"
READ = "SELECT sku, name, manufacturer, part_number, description, attributes FROM products WHERE id = %s"
PREDICT = """
    INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label, confidence_score,
                             confidence_level, status, model_version)
    VALUES (%s, %s, %s, %s, %s, %s, 'pending', %s)
    RETURNING id"""
EXPLAIN = """
    INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)
    VALUES (%s, %s, %s, %s, %s)"""
MARK = "UPDATE products SET status = 'predicted' WHERE id = %s"
COUNT = """
    UPDATE categorization_batches
    SET processed_products = processed_products + 1, success_products = success_products + 1
    WHERE id = %s"""
END = "UPDATE categorization_batches SET status = 'completed', completed_at = now() WHERE id = %s"


def run(shop: Shop, products: int, skip: int) -> dict[str, float]:
    chosen = ids(shop, products, skip)
    batch_id = open_batch(shop, products)
    with Load(shop) as load:
        began = monotonic()
        for product_id in chosen:
            with shop.db.transaction():
                _treat(shop, batch_id, product_id)
        shop.db.execute(END, (batch_id,))
        took = monotonic() - began
    verify(shop, [batch_id], products, len(trivial_decision().evidence))
    return {"products_per_s": products / took, **load.per(products)}


def _treat(shop: Shop, batch_id: int, product_id: int) -> None:
    decision = trivial_decision()
    if shop.db.execute(FIND, (batch_id, product_id)).fetchone():
        return
    shop.db.execute(READ, (product_id,)).fetchone()
    values = (decision.code, decision.label, decision.confidence, decision.level, MODEL_VERSION)
    row = shop.db.execute(PREDICT, (product_id, batch_id, *values)).fetchone()
    assert row is not None
    for reason in decision.evidence:
        shop.db.execute(EXPLAIN, (row[0], *reason))
    shop.db.execute(MARK, (product_id,))
    shop.db.execute(COUNT, (batch_id,))
