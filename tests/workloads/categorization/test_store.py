"""What the store reads and writes, on real servers."""

import psycopg
import pytest

from daemon.engine.workload import Item
from daemon.workloads.categorization import store
from daemon.workloads.categorization.decision import Decision
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.product import Product
from tests.support.factories import batch, shop
from tests.workloads.categorization.shop import TAXONOMY

pytestmark = pytest.mark.one_server  # its subject are products and predictions

DECISION = Decision("hammers", "Hammers", 93.21, "high", (Evidence("name", "Name", "“hammer”", 0.8),))


def test_json_that_python_cannot_read_is_none() -> None:
    assert store.read_json("[" * 1_000_000 + "]" * 1_000_000) is None
    assert store.read_json('{"n": ' + "9" * 6000 + "}") == {"n": float("inf")}
    assert store.read_json("[1, 2.5]") == [1, 2.5]


def test_attributes_that_python_may_not_read_stop_no_product(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=4)
    db.execute("UPDATE products SET attributes = ('{\"n\": ' || repeat('9', 6000) || '}')::jsonb WHERE id = 1")
    db.execute("UPDATE products SET attributes = (repeat('[', 3000) || repeat(']', 3000))::jsonb WHERE id = 2")
    db.execute('UPDATE products SET attributes = \'{"n": 12, "m": 1e400}\' WHERE id = 3')
    products = store.read_products(db, product_ids)
    assert isinstance(products[1].attributes, dict)
    assert products[2].attributes is None or isinstance(products[2].attributes, list)  # versions differ in depth
    assert products[3].attributes == {"n": 12, "m": pytest.approx(float("inf"))}
    assert products[4].attributes == {"Colour": "red"}


def test_each_field_of_a_product_is_its_own(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    db.execute(
        "UPDATE products SET sku = 'a sku', name = 'a name', manufacturer = 'a maker', part_number = 'a number',"
        " description = 'a description', attributes = '{\"an\": \"attribute\"}', category_code = 'pipes'"
    )
    texts = ("a sku", "a name", "a maker", "a number", "a description")
    assert store.read_products(db, [product_id]) == {
        product_id: Product(product_id, *texts, {"an": "attribute"}, "pipes")
    }


def test_texts_are_cut_to_what_the_shops_columns_hold(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    db.execute("ALTER TABLE evidence ALTER COLUMN evidence_value TYPE varchar(5), ALTER source_label TYPE varchar(3)")
    db.execute("ALTER TABLE predictions ALTER COLUMN suggested_category_label TYPE varchar(4)")
    item = Item(batch(db, [product_id]), product_id)
    with db.transaction():
        store.write_predictions(db, {item: DECISION}, TAXONOMY, None, store.read_text_limits(db))
    assert db.execute("SELECT suggested_category_label FROM predictions").fetchone() == ("Hamm",)
    assert db.execute("SELECT source_label, evidence_value FROM evidence").fetchone() == ("Nam", "“hamm")


def test_of_two_batches_in_one_slice_only_the_newer_prediction_stays_pending(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    items = [Item(batch(db, [product_id]), product_id) for _ in range(2)]
    with db.transaction():
        store.write_predictions(db, dict.fromkeys(reversed(items), DECISION), TAXONOMY, None, {})
    rows = db.execute("SELECT batch_id, status FROM predictions ORDER BY batch_id").fetchall()
    assert rows == [(items[0].batch_id, "superseded"), (items[1].batch_id, "pending")]


def test_decided_predictions_are_not_superseded(db: psycopg.Connection) -> None:
    (product_id,) = shop(db, products=1)
    first, second = (Item(batch(db, [product_id]), product_id) for _ in range(2))
    with db.transaction():
        store.write_predictions(db, {first: DECISION}, TAXONOMY, None, {})
    db.execute("UPDATE predictions SET status = 'approved'")
    with db.transaction():
        store.write_predictions(db, {second: DECISION}, TAXONOMY, None, {})
    rows = db.execute("SELECT status FROM predictions ORDER BY batch_id").fetchall()
    assert rows == [("approved",), ("pending",)]


def test_approved_predictions_are_learned_from_unless_the_product_has_a_category(db: psycopg.Connection) -> None:
    first, second, third = shop(db, products=3, labelled=1)  # product 1 is a pipe, by a person's word
    items = [Item(batch(db, [product_id]), product_id) for product_id in (first, second, third)]
    with db.transaction():
        store.write_predictions(db, dict.fromkeys(items, DECISION), TAXONOMY, None, {})
    db.execute("UPDATE predictions SET status = 'approved' WHERE product_id IN (%s, %s)", (first, second))
    labelled = {product.id: code for product, code in store.read_labelled(db)}
    assert labelled == {first: "pipes", second: "hammers"}


def test_a_category_that_the_shop_no_longer_has_is_not_learned(db: psycopg.Connection) -> None:
    shop(db, products=2, labelled=2)
    db.execute("DELETE FROM categories WHERE code = 'pipes'")
    assert [code for _, code in store.read_labelled(db)] == ["hammers"]
