"""Lines become a supplier's items, linked, asked about or drafted; what is said of them holds from list to list."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.engine.workload import Item, Outcome, WorkloadUnavailable
from daemon.workloads.price_lists import intake
from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.settings import PriceListSettings
from daemon.workloads.price_lists.workload import PriceLists
from tests.support.database import Database
from tests.support.price_lists import order, rows, supplier
from tests.support.waiting import interleave

pytestmark = pytest.mark.one_server  # every server parses the statements in test_statements.py

Products = dict[str, int]

OWNED = {
    "drill": ("Boschwerk", "GSB-18V-55", "Boschwerk cordless drill GSB-18V-55 18 V"),
    "saw": ("Makitsu", "HS7601J", "Makitsu circular saw HS7601J 1200 W 190 mm"),
    "lamp": ("Lumina", "LX-4410", "Lumina LED work lamp LX-4410 30 W"),
    "hammer": ("Hitwell", "HM-1000", "Hitwell claw hammer HM-1000 600 g"),
}


@pytest.fixture
def products(db: psycopg.Connection) -> Products:
    """A small shop, among things that are like nothing of it."""
    db.execute("INSERT INTO users (id, name) VALUES (7, 'Ann')")
    found = {}
    for name, (manufacturer, part_number, text) in OWNED.items():
        (row,) = rows(
            db,
            "INSERT INTO products (sku, name, manufacturer, part_number) VALUES (%s, %s, %s, %s) RETURNING id",
            *(name, text, manufacturer, part_number),
        )
        found[name] = row[0]
    db.execute(
        "INSERT INTO products (sku, name, manufacturer, part_number)"
        " SELECT 'F' || i, 'Garden hose fitting no. ' || i, 'Flowright', 'PX' || (10000 + i)"
        " FROM generate_series(1, 300) AS i"
    )
    return found


@pytest.fixture
def workload() -> PriceLists:
    return PriceLists(PriceListSettings(_env_file=None, CATALOGD_PRICE_LIST_FOLDER=str(Path("/nowhere"))))


DRILL = Line(1, OWNED["drill"][2], sku="A1", manufacturer="Boschwerk", part_number="GSB-18V-55", price=Decimal(99))
UNKNOWN = Line(2, "Quartz wristwatch, leather strap", sku="A2", manufacturer="Tempora", part_number="QW-77-L")


def read(db: psycopg.Connection, supplier_id: int, *lines: Line | BadLine) -> int:
    """An import whose list has been read."""
    import_id = order(db, supplier_id, "x")
    intake.write_lines(db, import_id, lines)
    intake.write_read(db, import_id, {})
    return import_id


def treat(conn: psycopg.Connection, workload: PriceLists, import_id: int) -> Sequence[Outcome]:
    numbers = rows(conn, "SELECT number FROM supplier_import_lines WHERE import_id = %s ORDER BY number", import_id)
    with conn.transaction():
        return workload.process(conn, [Item(import_id, number) for (number,) in numbers])


def treat_list(db: psycopg.Connection, workload: PriceLists, supplier_id: int, *lines: Line | BadLine) -> int:
    import_id = read(db, supplier_id, *lines)
    assert all(outcome.code is None for outcome in treat(db, workload, import_id))
    return import_id


def items(db: psycopg.Connection, columns: str = "item_key, match_status, product_id") -> list[tuple[Any, ...]]:
    return rows(db, f"SELECT {columns} FROM supplier_items ORDER BY supplier_id, item_key")  # noqa: S608


def with_price(line: Line, price: int | None, **changes: Any) -> Line:
    from dataclasses import replace

    return replace(line, price=None if price is None else Decimal(price), **changes)


def test_a_line_that_surely_is_a_product_is_linked(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    import_id = treat_list(db, workload, supplier(db), with_price(DRILL, 99, currency="EUR"))
    assert items(db) == [("sku|a1", "linked", products["drill"])]
    ((score, reasons),) = items(db, "match_score, match_reasons")
    assert score >= 95
    assert any("GSB-18V-55" in reason["text"] for reason in reasons)
    offers = rows(db, "SELECT product_id, currency, minimum_price, suppliers, is_available FROM product_offers")
    assert offers == [(products["drill"], "EUR", Decimal("99.0000"), 1, True)]
    assert rows(db, "SELECT line, match_status, is_new, is_changed FROM supplier_import_results") == [
        (1, "linked", True, False)
    ]
    assert rows(db, "SELECT lines, linked, new FROM supplier_import_summary WHERE import_id = %s", import_id) == [
        (1, 1, 1)
    ]


def test_a_line_that_is_nothing_of_the_catalogue_is_a_draft(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    treat_list(db, workload, supplier(db), UNKNOWN)
    assert items(db) == [("sku|a2", "draft", None)]
    drafts = rows(db, "SELECT status, name, manufacturer FROM product_drafts")
    assert drafts == [("draft", UNKNOWN.name, "Tempora")]
    assert rows(db, "SELECT count(*) FROM products") == [(304,)]


def test_two_suppliers_share_a_draft_and_are_linked_when_it_is_accepted(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    one, other = supplier(db, "One"), supplier(db, "Other")
    treat_list(db, workload, one, with_price(UNKNOWN, 9))
    treat_list(db, workload, other, with_price(UNKNOWN, 8, sku="Z9", part_number="qw 77 l"))
    ((draft_id,),) = rows(db, "SELECT id FROM product_drafts")
    db.execute(
        "UPDATE product_drafts SET status = 'accepted', product_id = %s WHERE id = %s", (products["lamp"], draft_id)
    )
    assert items(db) == [("sku|a2", "confirmed", products["lamp"]), ("sku|z9", "confirmed", products["lamp"])]
    assert rows(db, "SELECT minimum_price, suppliers FROM product_offers") == [(8, 2)]
    third = supplier(db, "Third")
    treat_list(db, workload, third, with_price(UNKNOWN, 7, sku="T3"))
    assert rows(db, "SELECT match_status FROM supplier_items WHERE supplier_id = %s", third) == [("confirmed",)]
    assert rows(db, "SELECT minimum_price, suppliers FROM product_offers") == [(7, 3)]


def test_a_draft_that_nothing_is_a_draft_of_any_more_is_gone(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    one, other = supplier(db, "One"), supplier(db, "Other")
    treat_list(db, workload, one, UNKNOWN)
    treat_list(db, workload, other, UNKNOWN)
    known = with_price(DRILL, 99, sku="A2")
    treat_list(db, workload, one, known)
    assert rows(db, "SELECT count(*) FROM product_drafts") == [(1,)]  # it is the other's still
    treat_list(db, workload, other, known)
    assert rows(db, "SELECT count(*) FROM product_drafts") == [(0,)]


def test_a_draft_is_accepted_only_by_naming_its_product(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    treat_list(db, workload, supplier(db), UNKNOWN)
    with pytest.raises(psycopg.errors.NotNullViolation, match="product_id"):
        db.execute("UPDATE product_drafts SET status = 'accepted'")


def asked(db: psycopg.Connection) -> tuple[int, list[int]]:
    """The pending review and its candidates."""
    ((review_id, candidates),) = rows(db, "SELECT id, candidates FROM match_reviews WHERE status = 'pending'")
    return review_id, [candidate["product_id"] for candidate in candidates]


CONFLICTING = Line(
    3, "Boschwerk cordless drill GSB-18V-56 18 V", sku="A3", manufacturer="Boschwerk", part_number="GSB-18V-56"
)


def question(db: psycopg.Connection, workload: PriceLists, products: Products) -> int:
    """Put an item into the queue for people, whatever the score: what follows is the same. Returns the review's id."""
    treat_list(db, workload, supplier(db), with_price(DRILL, 99, currency="EUR"))
    ((item_id,),) = items(db, "id")
    db.execute("UPDATE supplier_items SET match_status = 'review', product_id = NULL")
    db.execute("DELETE FROM product_offers")
    candidates = (
        f'[{{"product_id": {products["drill"]}, "score": 80, "reasons": [], "features": {{"maker_same": 1}}}},'
        f' {{"product_id": {products["saw"]}, "score": 70, "reasons": [], "features": {{"maker_other": 1}}}}]'
    )
    ((review_id,),) = rows(
        db,
        "INSERT INTO match_reviews (supplier_item_id, score, candidates) VALUES (%s, 80, %s) RETURNING id",
        *(item_id, candidates),
    )
    return int(review_id)


def test_a_person_approves(db: psycopg.Connection, workload: PriceLists, products: Products) -> None:
    review_id = question(db, workload, products)
    db.execute("UPDATE match_reviews SET status = 'approved', decided_by = 7 WHERE id = %s", (review_id,))
    assert items(db) == [("sku|a1", "confirmed", products["drill"])]
    assert rows(db, "SELECT product_id, minimum_price FROM product_offers") == [(products["drill"], 99)]
    audit = rows(db, "SELECT action, actor_type, actor_id FROM audit_log WHERE entity_type = 'match_review'")
    assert audit == [("approved", "user", 7)]


def test_or_names_another_product(db: psycopg.Connection, workload: PriceLists, products: Products) -> None:
    review_id = question(db, workload, products)
    db.execute(
        "UPDATE match_reviews SET status = 'approved', product_id = %s WHERE id = %s", (products["saw"], review_id)
    )
    assert items(db) == [("sku|a1", "confirmed", products["saw"])]
    treat_list(db, workload, 1, with_price(DRILL, 98, currency="EUR"))
    assert items(db) == [("sku|a1", "confirmed", products["saw"])]
    assert rows(db, "SELECT product_id, minimum_price FROM product_offers") == [(products["saw"], 98)]


def test_or_changes_their_mind(db: psycopg.Connection, workload: PriceLists, products: Products) -> None:
    review_id = question(db, workload, products)
    db.execute("UPDATE match_reviews SET status = 'approved' WHERE id = %s", (review_id,))
    db.execute("UPDATE match_reviews SET product_id = %s WHERE id = %s", (products["saw"], review_id))
    assert rows(db, "SELECT product_id FROM product_offers") == [(products["saw"],)]
    db.execute("UPDATE match_reviews SET status = 'rejected' WHERE id = %s", (review_id,))
    assert items(db) == [("sku|a1", "draft", None)]
    assert rows(db, "SELECT count(*) FROM product_offers") == [(0,)]


def test_what_a_person_rejected_is_no_candidate_any_more(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    review_id = question(db, workload, products)
    db.execute("UPDATE match_reviews SET status = 'rejected' WHERE id = %s", (review_id,))
    treat_list(db, workload, 1, with_price(DRILL, 98, currency="EUR"))
    assert items(db) == [("sku|a1", "draft", None)]
    assert rows(db, "SELECT count(*) FROM match_reviews WHERE status = 'pending'") == [(0,)]


def test_a_review_that_was_superseded_is_decided_no_more(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    review_id = question(db, workload, products)
    treat_list(db, workload, 1, with_price(DRILL, 98, currency="EUR"))  # the score is sure this time
    assert items(db) == [("sku|a1", "linked", products["drill"])]
    assert rows(db, "SELECT status FROM match_reviews") == [("superseded",)]
    with pytest.raises(psycopg.errors.CheckViolation, match="superseded"):
        db.execute("UPDATE match_reviews SET status = 'approved' WHERE id = %s", (review_id,))


def test_a_deleted_product_leaves_its_item_without_one_and_its_review_as_it_was(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    review_id = question(db, workload, products)
    db.execute("UPDATE match_reviews SET status = 'approved' WHERE id = %s", (review_id,))
    db.execute("DELETE FROM products WHERE id = %s", (products["drill"],))
    assert items(db, "product_id") == [(None,)]
    assert rows(db, "SELECT status, product_id FROM match_reviews") == [("approved", None)]
    treat_list(db, workload, 1, with_price(DRILL, 98))
    assert items(db, "match_status") == [("draft",)]


def test_what_people_decided_teaches_the_score(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    before = workload._current.at(db, 0).scorer
    review_id = question(db, workload, products)
    db.execute("UPDATE match_reviews SET status = 'approved' WHERE id = %s", (review_id,))
    assert workload._current.at(db, 10**6).scorer is not before


def test_the_catalogue_is_read_again_when_it_has_changed_and_only_then(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    first = workload._current.at(db, 1).catalogue
    assert workload._current.at(db, 2).catalogue is first
    db.execute("UPDATE products SET name = name || ' new' WHERE id = %s", (products["saw"],))
    assert workload._current.at(db, 2).catalogue is first  # in one import, not at once
    assert workload._current.at(db, 3).catalogue is not first


def test_what_the_matching_does_not_read_is_no_change(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    first = workload._current.at(db, 1).catalogue
    db.execute("UPDATE products SET category_code = 'drills', description = 'drills holes', status = 'predicted'")
    assert workload._current.at(db, 2).catalogue is first


def test_who_cannot_wait_for_the_catalogue_goes_on_with_the_one_before_or_gives_the_slice_back(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    with workload._current._lock, pytest.raises(WorkloadUnavailable):
        workload._current.at(db, 1)
    known = workload._current.at(db, 1)
    with workload._current._lock:
        assert workload._current.at(db, 2) is known


def test_the_same_list_again_changes_nothing(db: psycopg.Connection, workload: PriceLists, products: Products) -> None:
    acme = supplier(db)
    lines = [with_price(DRILL, 99, currency="EUR"), with_price(UNKNOWN, 5, currency="EUR")]
    treat_list(db, workload, acme, *lines)
    columns = "item_key, product_id, match_status, match_score, match_reasons, price, gone_at, draft_id"
    state = items(db, columns), rows(db, "SELECT * FROM product_offers"), rows(db, "SELECT * FROM supplier_item_prices")
    import_id = treat_list(db, workload, acme, *lines)
    again = items(db, columns), rows(db, "SELECT * FROM product_offers"), rows(db, "SELECT * FROM supplier_item_prices")
    assert again == state
    changed = rows(
        db, "SELECT bool_or(is_changed), bool_or(is_new) FROM supplier_import_results WHERE import_id = %s", import_id
    )
    assert changed == [(False, False)]


def test_a_new_price_is_history_and_a_new_best_offer(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    treat_list(db, workload, acme, with_price(DRILL, 99, currency="EUR"))
    treat_list(db, workload, acme, with_price(DRILL, 89, currency="EUR"))
    assert rows(db, "SELECT price FROM supplier_item_prices ORDER BY id") == [(99,), (89,)]
    assert rows(db, "SELECT minimum_price FROM product_offers") == [(89,)]


def test_the_best_offer_is_the_cheapest_that_is_available_in_its_currency(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    one, other, third = (supplier(db, name) for name in ("One", "Other", "Third"))
    treat_list(db, workload, one, with_price(DRILL, 99, currency="EUR"))
    treat_list(db, workload, other, with_price(DRILL, 50, currency="EUR", is_available=False))
    treat_list(db, workload, third, with_price(DRILL, 60, currency="USD", stock=Decimal(0)))
    best = rows(db, "SELECT currency, minimum_price, suppliers, is_available FROM product_offers ORDER BY 1")
    assert best == [("EUR", 99, 2, True), ("USD", 60, 1, False)]


def test_of_two_lines_with_one_number_the_later_counts(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    treat_list(db, workload, acme, with_price(DRILL, 99), with_price(DRILL, 88, number=7))
    assert items(db, "price, last_line") == [(88, 7)]
    assert rows(db, "SELECT price FROM supplier_item_prices") == [(88,)]


def test_the_later_line_and_the_later_list_count_in_whatever_order_they_are_treated(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    older = read(db, acme, with_price(DRILL, 10), with_price(DRILL, 20, number=600))
    newer = read(db, acme, with_price(DRILL, 30))
    workload.process(db, [Item(older, 600)])
    workload.process(db, [Item(older, 1)])
    assert items(db, "price") == [(20,)]
    treat(db, workload, newer)
    db.execute("DELETE FROM supplier_import_results")
    treat(db, workload, older)
    assert items(db, "price, last_import_id") == [(30, newer)]


def test_an_item_that_comes_back_is_offered_again(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    treat_list(db, workload, acme, with_price(DRILL, 99))
    db.execute(
        "INSERT INTO match_reviews (supplier_item_id, score, candidates) SELECT id, 80, '[]' FROM supplier_items"
    )
    intake.mark_gone(db, order(db, acme, "x"), [items(db, "id")[0][0]])
    assert rows(db, "SELECT count(*) FROM product_offers") == [(0,)]
    assert rows(db, "SELECT status FROM match_reviews") == [("superseded",)]
    treat_list(db, workload, acme, with_price(DRILL, 99))
    assert items(db, "gone_at, is_available") == [(None, True)]
    assert rows(db, "SELECT minimum_price FROM product_offers") == [(99,)]


def test_one_product_for_one_item_of_a_supplier(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    twin = with_price(DRILL, 98, sku="B1", number=2, part_number=None, name="Boschwerk GSB-18V-55 cordless drill")
    treat_list(db, workload, acme, DRILL)
    treat_list(db, workload, acme, twin)
    statuses = dict(items(db, "item_key, match_status"))
    assert statuses["sku|a1"] == "linked"
    assert statuses["sku|b1"] in ("review", "draft")
    treat_list(db, workload, supplier(db, "Other"), DRILL)  # of another supplier it may be another item
    assert rows(db, "SELECT count(*) FROM supplier_items WHERE match_status = 'linked'") == [(2,)]


def test_a_bad_line_is_an_item_error_that_says_where(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    bad = BadLine(5, "bad_price", "the price is negative", column="Price", value="-3")
    import_id = read(db, supplier(db), DRILL, bad)
    good, failed = treat(db, workload, import_id)
    assert good.code is None
    assert (failed.item, failed.code, failed.reason) == (Item(import_id, 5), "bad_price", "the price is negative")
    assert failed.details == {"column": "Price", "value": "-3"}


def test_lines_of_a_supplier_that_was_deleted_are_in_error(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    gone, kept = read(db, acme, DRILL), read(db, supplier(db, "Other"), DRILL)
    db.execute("DELETE FROM suppliers WHERE id = %s", (acme,))
    outcomes = workload.process(db, [Item(gone, 1), Item(gone, 77), Item(kept, 1)])
    assert [outcome.code for outcome in outcomes] == ["supplier_gone", "supplier_gone", None]
    assert [outcome.code for outcome in workload.process(db, [Item(kept, 77)])] == ["line_gone"]


def test_a_product_that_was_deleted_meanwhile_is_no_match(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    treat_list(db, workload, acme, UNKNOWN)
    import_id = read(db, acme, DRILL)
    workload._current.at(db, import_id)
    db.execute("DELETE FROM products WHERE id = %s", (products["drill"],))
    treat(db, workload, import_id)
    assert items(db) == [("sku|a1", "draft", None), ("sku|a2", "draft", None)]


def test_a_person_who_decides_at_the_same_moment_is_heard(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    """The decision holds the item; the slice waits for it, and looks again."""
    review_id = question(db, workload, products)
    import_id = read(db, 1, with_price(DRILL, 98, currency="EUR"))
    with database.connect() as person, database.connect() as slice_:

        def decides() -> None:
            person.execute(
                "UPDATE match_reviews SET status = 'approved', product_id = %s WHERE id = %s",
                (products["saw"], review_id),
            )

        interleave(db, person, decides, lambda: treat(slice_, workload, import_id))
    assert items(db) == [("sku|a1", "confirmed", products["saw"])]
    assert rows(db, "SELECT product_id, minimum_price FROM product_offers") == [(products["saw"], 98)]


def test_two_slices_make_one_draft(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    first, second = read(db, supplier(db, "One"), UNKNOWN), read(db, supplier(db, "Other"), UNKNOWN)
    workload._current.at(db, second)
    with database.connect() as one, database.connect() as other:

        def begins() -> None:
            workload.process(one, [Item(first, 2)])

        interleave(db, one, begins, lambda: treat(other, workload, second))
    assert rows(db, "SELECT count(*) FROM product_drafts") == [(1,)]
    assert rows(db, "SELECT count(DISTINCT draft_id), count(*) FROM supplier_items") == [(1, 2)]
