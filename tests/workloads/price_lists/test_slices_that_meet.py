"""What people and other slices do while a slice is under way is neither overwritten nor missed."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest

from daemon.database.failures import Effect, effect_of
from daemon.engine.workload import Item
from daemon.workloads.price_lists import store
from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.workload import PriceLists
from tests.support.database import Database
from tests.support.price_lists import rows, supplier
from tests.support.waiting import interleave
from tests.workloads.price_lists.test_workload import (
    DRILL,
    OWNED,
    UNKNOWN,
    Products,
    items,
    products,
    question,
    read,
    treat,
    treat_list,
    with_price,
    workload,
)

pytestmark = pytest.mark.one_server  # every server parses the statements in test_statements.py

__all__ = ["products", "workload"]  # fixtures

SAW = Line(2, OWNED["saw"][2], sku="A1", manufacturer="Makitsu", part_number="HS7601J", price=Decimal(50))
TWIN = with_price(DRILL, 98, sku="B1", number=2)
TEAPOT = with_price(UNKNOWN, 5, number=3, name="Porcelain teapot, blue", manufacturer="Teaco", part_number="TP-9988-X")
REJECT = "UPDATE match_reviews SET status = 'rejected', decided_by = 7"


def offers(db: psycopg.Connection) -> list[tuple[int, Decimal, int]]:
    return rows(db, "SELECT product_id, minimum_price, suppliers FROM product_offers ORDER BY product_id")  # type: ignore[return-value]


def drafts(db: psycopg.Connection) -> list[tuple[int, int]]:
    """Each, with the number of its items."""
    return rows(  # type: ignore[return-value]
        db,
        "SELECT id, (SELECT count(*) FROM supplier_items AS item WHERE item.draft_id = draft.id)"
        " FROM product_drafts AS draft ORDER BY id",
    )


@pytest.mark.parametrize("before", ["pending", "approved"])
def test_a_rejection_at_the_same_moment_holds(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products, before: str
) -> None:
    question(db, workload, products)
    if before == "approved":
        db.execute("UPDATE match_reviews SET status = 'approved'")
    import_id = read(db, 1, with_price(DRILL, 98, currency="EUR"))
    with database.connect() as person, database.connect() as slice_:
        interleave(db, person, lambda: person.execute(REJECT), lambda: treat(slice_, workload, import_id))
    assert items(db) == [("sku|a1", "draft", None)]
    assert offers(db) == []
    assert rows(db, "SELECT status FROM match_reviews") == [("rejected",)]
    assert items(db, "price") == [(98,)]


def accepted(db: psycopg.Connection, workload: PriceLists, products: Products) -> None:
    """A draft that was made into the lamp, with an offer at 50."""
    treat_list(db, workload, supplier(db, "First"), with_price(UNKNOWN, 50))
    db.execute("UPDATE product_drafts SET status = 'accepted', product_id = %s", (products["lamp"],))


def test_two_slices_on_an_accepted_draft_lose_no_offer(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    accepted(db, workload, products)
    first = read(db, supplier(db, "One"), with_price(UNKNOWN, 10))
    second = read(db, supplier(db, "Other"), with_price(UNKNOWN, 40))
    workload._current.at(db, second)
    with database.connect() as one, database.connect() as other:
        interleave(db, one, lambda: workload.process(one, [Item(first, 2)]), lambda: treat(other, workload, second))
    assert offers(db) == [(products["lamp"], 10, 3)]


def test_a_product_that_a_person_names_meanwhile_is_locked(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    question(db, workload, products)
    import_id = read(db, 1, with_price(DRILL, 98, currency="EUR"))
    approve = "UPDATE match_reviews SET status = 'approved', product_id = %s"
    with database.connect() as person, database.connect() as slice_:

        def begins() -> None:
            slice_.execute("BEGIN")
            workload.process(slice_, [Item(import_id, 1)])

        interleave(db, person, lambda: person.execute(approve, (products["saw"],)), begins)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("SELECT FROM products WHERE id = %s FOR NO KEY UPDATE NOWAIT", (products["saw"],))
        slice_.commit()
    assert offers(db) == [(products["saw"], 98, 1)]


def test_two_lists_that_bring_a_new_item_leave_one_offer_of_it(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    older, newer = read(db, acme, DRILL), read(db, acme, SAW)
    workload._current.at(db, newer)
    with database.connect() as one, database.connect() as other:
        interleave(db, one, lambda: workload.process(one, [Item(older, 1)]), lambda: treat(other, workload, newer))
    assert items(db) == [("sku|a1", "linked", products["saw"])]
    assert offers(db) == [(products["saw"], 50, 1)]
    assert rows(db, "SELECT is_new FROM supplier_import_results ORDER BY import_id") == [(True,), (False,)]


def test_a_draft_is_accepted_with_the_item_that_a_slice_adds(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    treat_list(db, workload, supplier(db, "One"), with_price(UNKNOWN, 9))
    import_id = read(db, supplier(db, "Other"), with_price(UNKNOWN, 8))
    accept = "UPDATE product_drafts SET status = 'accepted', product_id = %s"
    with database.connect() as slice_, database.connect() as person:
        interleave(
            db,
            slice_,
            lambda: workload.process(slice_, [Item(import_id, 2)]),
            lambda: person.execute(accept, (products["lamp"],)),
        )
    assert items(db, "match_status, product_id") == [("confirmed", products["lamp"])] * 2
    assert offers(db) == [(products["lamp"], 8, 2)]


@pytest.mark.parametrize("is_known", [False, True])
def test_an_item_is_added_to_a_draft_that_is_being_accepted(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products, is_known: bool
) -> None:
    one, other = supplier(db, "One"), supplier(db, "Other")
    treat_list(db, workload, one, with_price(UNKNOWN, 9))
    if is_known:
        treat_list(db, workload, other, with_price(UNKNOWN, 9))
    import_id = read(db, other, with_price(UNKNOWN, 8))
    accept = "UPDATE product_drafts SET status = 'accepted', product_id = %s"
    with database.connect() as person, database.connect() as slice_:
        interleave(
            db,
            person,
            lambda: person.execute(accept, (products["lamp"],)),
            lambda: treat(slice_, workload, import_id),
        )
    assert items(db, "match_status, product_id") == [("confirmed", products["lamp"])] * 2
    assert offers(db) == [(products["lamp"], 8, 2)]


def test_a_draft_that_gets_another_item_is_not_dropped(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    one, other = supplier(db, "One"), supplier(db, "Other")
    treat_list(db, workload, one, UNKNOWN)
    ((draft_id, _),) = drafts(db)
    adding, leaving = read(db, other, UNKNOWN), read(db, one, with_price(DRILL, 99, sku="A2"))
    with database.connect() as slice_, slice_.transaction():
        workload.process(slice_, [Item(adding, 2)])
        treat(db, workload, leaving)
    assert drafts(db) == [(draft_id, 1)]


def test_an_item_whose_draft_is_being_dropped_gets_a_new_one(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    one, other = supplier(db, "One"), supplier(db, "Other")
    treat_list(db, workload, one, UNKNOWN)
    ((draft_id, _),) = drafts(db)
    leaving, adding = read(db, one, with_price(DRILL, 99, sku="A2")), read(db, other, UNKNOWN)
    workload._current.at(db, adding)
    with database.connect() as slice_, database.connect() as second:
        interleave(
            db,
            slice_,
            lambda: workload.process(slice_, [Item(leaving, 1)]),
            lambda: treat(second, workload, adding),
        )
    ((new_id, count),) = drafts(db)
    assert (new_id != draft_id, count) == (True, 1)


def test_a_draft_of_a_line_that_does_not_count_is_gone(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    treat_list(db, workload, acme, UNKNOWN, TEAPOT)  # one number, two things
    assert [count for _, count in drafts(db)] == [1]
    older = read(db, acme, UNKNOWN)
    treat_list(db, workload, acme, TEAPOT)
    treat(db, workload, older)
    assert [count for _, count in drafts(db)] == [1]


def test_one_product_for_one_item_of_two_slices(
    db: psycopg.Connection, database: Database, workload: PriceLists, products: Products
) -> None:
    import_id = read(db, supplier(db), DRILL, TWIN)
    workload._current.at(db, import_id)
    with database.connect() as one, database.connect() as other:

        def follows() -> None:
            with other.transaction():
                workload.process(other, [Item(import_id, 2)])

        interleave(db, one, lambda: workload.process(one, [Item(import_id, 1)]), follows)
    statuses = dict(items(db, "item_key, match_status"))
    assert statuses["sku|a1"] == "linked"
    assert statuses["sku|b1"] in ("review", "draft")


def test_two_items_that_were_linked_to_one_product_before_stay(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    treat_list(db, workload, acme, DRILL, TWIN)
    db.execute("UPDATE supplier_items SET match_status = 'linked', product_id = %s", (products["drill"],))
    treat_list(db, workload, acme, with_price(TWIN, 97))
    assert items(db, "match_status, price") == [("linked", 99), ("linked", 97)]


def test_what_changes_each_time_is_put_off(
    db: psycopg.Connection,
    database: Database,
    workload: PriceLists,
    products: Products,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    question(db, workload, products)
    import_id = read(db, 1, with_price(DRILL, 98, currency="EUR"))
    lock_products = store.lock_products

    def late(conn: psycopg.Connection, ids: object) -> set[int]:
        db.execute("UPDATE supplier_items SET name = name || '.'")
        return lock_products(conn, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "lock_products", late)
    with database.connect() as slice_, pytest.raises(psycopg.Error) as failure:
        treat(slice_, workload, import_id)
    assert effect_of(failure.value) is Effect.TRANSIENT
    assert items(db, "match_status, price") == [("review", 99)]


def test_a_line_that_a_later_slice_overwrites_is_no_history(
    db: psycopg.Connection, workload: PriceLists, products: Products
) -> None:
    acme = supplier(db)
    for _ in range(3):
        import_id = read(db, acme, DRILL, with_price(DRILL, 120, number=900), BadLine(901, "no_name", "it has no name"))
        for line in (1, 900):
            workload.process(db, [Item(import_id, line)])
    assert rows(db, "SELECT price FROM supplier_item_prices") == [(120,)]
    assert offers(db) == [(products["drill"], 120, 1)]
    results = rows(db, "SELECT line, is_new, is_changed FROM supplier_import_results ORDER BY import_id, line")
    assert results == [(1, False, False), (900, True, False)] + [(1, False, False), (900, False, False)] * 2
