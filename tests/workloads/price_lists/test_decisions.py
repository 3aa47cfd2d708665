"""What people decide, change their minds about, and delete: items, drafts and offers follow at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.database import Database
from tests.support.price_lists import offer, order, rows, supplier
from tests.support.waiting import interleave, wait_until_blocked

SAW, LAMP, HAMMER = 1, 2, 3


@pytest.fixture(autouse=True)
def products(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO products (id, sku, name) VALUES (1, 'saw', 'saw'), (2, 'lamp', 'lamp'), (3, 'hammer', 'h')")


@pytest.fixture
def acme(db: psycopg.Connection) -> int:
    """An import of a supplier's."""
    return order(db, supplier(db), None, status="completed")


def review(db: psycopg.Connection, item_id: int, *candidates: int, status: str = "pending") -> int:
    """People are asked; returns the review's id."""
    ((review_id,),) = rows(
        db,
        "INSERT INTO match_reviews (supplier_item_id, score, candidates, status) VALUES (%s, 80, %s, %s) RETURNING id",
        *(item_id, Jsonb([{"product_id": product_id} for product_id in candidates]), status),
    )
    return int(review_id)


def drafted(db: psycopg.Connection, *item_ids: int, key: str = "part|x") -> int:
    """A draft that these items share; returns its id."""
    ((draft_id,),) = rows(db, "INSERT INTO product_drafts (draft_key, name) VALUES (%s, 'x') RETURNING id", key)
    db.execute(
        "UPDATE supplier_items SET match_status = 'draft', draft_id = %s WHERE id = ANY(%s)", (draft_id, list(item_ids))
    )
    return int(draft_id)


def decide(db: psycopg.Connection, review_id: int, status: str, product_id: int | None = None) -> None:
    db.execute("UPDATE match_reviews SET status = %s, product_id = %s WHERE id = %s", (status, product_id, review_id))


def accept(db: psycopg.Connection, draft_id: int, product_id: int) -> None:
    db.execute("UPDATE product_drafts SET status = 'accepted', product_id = %s WHERE id = %s", (product_id, draft_id))


def refresh(db: psycopg.Connection) -> None:
    db.execute("SELECT catalogd_refresh_offers(ARRAY[1, 2, 3]::bigint[])")


def item(db: psycopg.Connection, item_id: int) -> tuple[Any, ...]:
    (found,) = rows(db, "SELECT match_status, product_id, draft_id FROM supplier_items WHERE id = %s", item_id)
    return found


def drafts(db: psycopg.Connection) -> list[tuple[Any, ...]]:
    return rows(db, "SELECT id, status, product_id FROM product_drafts ORDER BY id")


def offers(db: psycopg.Connection) -> list[tuple[Any, ...]]:
    return rows(db, "SELECT product_id, minimum_price, supplier_item_id, suppliers FROM product_offers ORDER BY 1")


# A supplier is deleted.


def test_with_a_supplier_go_its_offers_and_the_drafts_of_its_items_alone(db: psycopg.Connection, acme: int) -> None:
    other = order(db, supplier(db, "Other"), None, status="completed")
    for product_id, price in ((SAW, 5), (LAMP, 6)):
        offer(db, acme, f"a{product_id}", match_status="linked", product_id=product_id, price=price)
    theirs = offer(db, other, "o1", match_status="confirmed", product_id=SAW, price=9)
    refresh(db)
    mine, shared, others = (offer(db, import_id, name) for import_id, name in ((acme, "m"), (acme, "s"), (other, "s")))
    drafted(db, mine)
    kept = drafted(db, shared, others, key="part|y")
    accepted = drafted(db, offer(db, acme, "c"), key="part|z")
    accept(db, accepted, HAMMER)
    assert [row[:2] for row in offers(db)] == [(SAW, 5), (LAMP, 6), (HAMMER, 2)]
    db.execute("DELETE FROM suppliers WHERE name = 'Acme'")
    assert offers(db) == [(SAW, 9, theirs, 1)]
    assert drafts(db) == [(kept, "draft", None), (accepted, "accepted", HAMMER)]


def test_a_supplier_of_many_items_is_deleted_in_one_go(db: psycopg.Connection, acme: int) -> None:
    """Another supplier offers the same products, and the statistics know nothing of either."""
    other = order(db, supplier(db, "Other"), None, status="completed")
    db.execute("INSERT INTO products (id, sku, name) SELECT i, i, i FROM generate_series(4, 20003) AS i")
    for import_id in (acme, other):
        db.execute(
            "INSERT INTO supplier_items (supplier_id, item_key, product_id, match_status, match_score, name, price,"
            " is_available) SELECT supplier_id, product.sku, product.id, 'linked', 99, 'x', 7, true"
            " FROM supplier_imports AS import CROSS JOIN products AS product WHERE import.id = %s",
            (import_id,),
        )
    db.execute("SELECT catalogd_refresh_offers(ARRAY(SELECT id FROM products))")
    assert rows(db, "SELECT suppliers, count(*) FROM product_offers GROUP BY 1") == [(2, 20_003)]
    db.execute("SET statement_timeout = '20s'")
    db.execute("DELETE FROM suppliers WHERE name = 'Acme'")
    assert rows(db, "SELECT suppliers, count(*) FROM product_offers GROUP BY 1") == [(1, 20_003)]


def test_a_supplier_is_deleted_while_its_items_are_matched(
    db: psycopg.Connection, database: Database, acme: int
) -> None:
    """A slice holds products, then items. Whoever deletes waits for it before it has any of them."""
    item_id = offer(db, acme, match_status="linked", product_id=SAW)
    refresh(db)
    with database.connect() as slice_, database.connect() as person:
        person.execute("SET deadlock_timeout = '10ms'")

        def delete() -> None:
            person.execute("DELETE FROM suppliers")

        with ThreadPoolExecutor(1) as pool:
            with slice_.transaction():
                slice_.execute("SELECT FROM products WHERE id = 1 FOR NO KEY UPDATE")
                late = pool.submit(delete)
                wait_until_blocked(db, slice_)
                slice_.execute("UPDATE supplier_items SET price = 1 WHERE id = %s", (item_id,))
            late.result(40)
    assert rows(db, "SELECT id FROM supplier_items") == []
    assert offers(db) == []


def test_a_draft_that_another_supplier_is_coming_to_stays(
    db: psycopg.Connection, database: Database, acme: int
) -> None:
    draft_id = drafted(db, offer(db, acme))
    other = order(db, supplier(db, "Other"), None)
    with database.connect() as slice_, database.connect() as person:
        coming: list[int] = []

        def come() -> None:
            coming.append(offer(slice_, other, match_status="draft", draft_id=draft_id))

        interleave(db, slice_, come, lambda: person.execute("DELETE FROM suppliers WHERE name = 'Acme'"))
    assert drafts(db) == [(draft_id, "draft", None)]
    assert item(db, coming[0]) == ("draft", None, draft_id)


# A draft was accepted, wrongly.


def test_an_accepted_draft_can_be_given_another_product(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme)
    draft_id = drafted(db, item_id)
    accept(db, draft_id, LAMP)
    db.execute("UPDATE product_drafts SET product_id = 3 WHERE id = %s", (draft_id,))
    assert item(db, item_id) == ("confirmed", HAMMER, draft_id)
    assert offers(db) == [(HAMMER, 2, item_id, 1)]
    audited = rows(db, "SELECT action, metadata -> 'product' FROM audit_log WHERE entity_type = 'product_draft'")
    assert audited == [("accepted", LAMP), ("accepted", HAMMER)]


@pytest.mark.parametrize("status", ["draft", "discarded"])
def test_or_be_taken_back_and_accepted_anew(db: psycopg.Connection, acme: int, status: str) -> None:
    item_id = offer(db, acme)
    draft_id = drafted(db, item_id)
    accept(db, draft_id, LAMP)
    db.execute("UPDATE product_drafts SET status = %s WHERE id = %s", (status, draft_id))
    assert item(db, item_id) == ("draft", None, draft_id)
    assert drafts(db) == [(draft_id, status, None)]
    assert offers(db) == []
    accept(db, draft_id, HAMMER)
    assert item(db, item_id) == ("confirmed", HAMMER, draft_id)
    assert offers(db) == [(HAMMER, 2, item_id, 1)]


def test_what_was_said_of_an_item_itself_stays_when_its_draft_is_given_another_product(
    db: psycopg.Connection, acme: int
) -> None:
    said, follows = offer(db, acme, "said"), offer(db, acme, "follows")
    draft_id = drafted(db, said, follows)
    accept(db, draft_id, LAMP)
    db.execute("UPDATE supplier_items SET product_id = 1 WHERE id = %s", (said,))
    accept(db, draft_id, HAMMER)
    assert item(db, said) == ("confirmed", SAW, draft_id)
    assert item(db, follows) == ("confirmed", HAMMER, draft_id)


def test_two_drafts_that_change_products_wait_for_each_other(
    db: psycopg.Connection, database: Database, acme: int
) -> None:
    one, other = offer(db, acme, "one"), offer(db, order(db, supplier(db, "Other"), None), "other", price=1)
    drafts_of = [drafted(db, one, key="one"), drafted(db, other, key="other")]
    for draft_id, product_id in zip(drafts_of, (LAMP, HAMMER), strict=True):
        accept(db, draft_id, product_id)
    with database.connect() as first, database.connect() as second:
        interleave(db, first, lambda: accept(first, drafts_of[0], HAMMER), lambda: accept(second, drafts_of[1], LAMP))
    assert offers(db) == [(LAMP, 1, other, 1), (HAMMER, 2, one, 1)]


def test_a_draft_whose_product_is_deleted_is_one_again_with_its_items(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme)
    draft_id = drafted(db, item_id)
    accept(db, draft_id, LAMP)
    other = order(db, supplier(db, "Other"), None)
    offer(db, other, match_status="linked", product_id=LAMP, currency="USD")  # is no offer of what is gone
    db.execute("DELETE FROM products WHERE id = 2")
    assert drafts(db) == [(draft_id, "draft", None)]
    assert item(db, item_id) == ("draft", None, draft_id)
    assert offers(db) == []
    accept(db, draft_id, HAMMER)
    assert item(db, item_id) == ("confirmed", HAMMER, draft_id)


# A review is rejected: none of the candidates.


def test_a_rejected_item_is_in_the_list_of_drafts(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme, manufacturer="Boltwerk", part_number="M8", barcode="4006381333931")
    decide(db, review(db, item_id, SAW), "rejected")
    ((draft_id, *told),) = rows(db, "SELECT id, status, name, manufacturer, part_number, barcode FROM product_drafts")
    assert told == ["draft", "Bolt", "Boltwerk", "M8", "4006381333931"]
    assert item(db, item_id) == ("draft", None, draft_id)
    accept(db, draft_id, LAMP)
    assert item(db, item_id) == ("confirmed", LAMP, draft_id)
    assert offers(db) == [(LAMP, 2, item_id, 1)]


def test_and_no_longer_when_it_is_approved_after_all(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme)
    review_id = review(db, item_id, SAW)
    decide(db, review_id, "rejected")
    decide(db, review_id, "approved")
    assert item(db, item_id) == ("confirmed", SAW, None)
    assert drafts(db) == []
    decide(db, review_id, "rejected")
    ((draft_id, *_),) = drafts(db)
    assert item(db, item_id) == ("draft", None, draft_id)
    assert offers(db) == []


def test_a_draft_that_others_share_stays_when_one_is_approved(db: psycopg.Connection, acme: int) -> None:
    """The next list has made it a draft with others."""
    item_id, other = offer(db, acme), offer(db, order(db, supplier(db, "Other"), None))
    review_id = review(db, item_id, SAW)
    decide(db, review_id, "rejected")
    draft_id = drafted(db, item_id, other)
    decide(db, review_id, "approved")
    assert item(db, item_id) == ("confirmed", SAW, None)
    assert item(db, other) == ("draft", None, draft_id)
    assert draft_id in [row[0] for row in drafts(db)]


def test_a_rejection_of_what_had_become_a_product_opens_its_draft_again(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme)
    review_id = review(db, item_id, SAW)
    decide(db, review_id, "rejected")
    ((draft_id, *_),) = drafts(db)
    accept(db, draft_id, LAMP)
    decide(db, review_id, "approved")
    assert item(db, item_id) == ("confirmed", SAW, None)
    assert offers(db) == [(SAW, 2, item_id, 1)]
    decide(db, review_id, "rejected")
    assert drafts(db) == [(draft_id, "draft", None)]
    assert item(db, item_id) == ("draft", None, draft_id)


# An older review, a strange one, two people.


@pytest.mark.parametrize("status", ["pending", "approved", "rejected"])
@pytest.mark.parametrize("older", ["approved", "rejected"])
def test_an_older_review_undoes_no_newer_one(db: psycopg.Connection, acme: int, status: str, older: str) -> None:
    item_id = offer(db, acme)
    first = review(db, item_id, SAW, status="rejected" if older == "approved" else "approved")
    second = review(db, item_id, LAMP)
    if status != "pending":
        decide(db, second, status)
    before = item(db, item_id), offers(db)
    with pytest.raises(psycopg.errors.CheckViolation, match=f"review {first} is not the newest .* review {second}"):
        decide(db, first, older, SAW)
    assert (item(db, item_id), offers(db)) == before


def test_a_newer_question_that_nobody_answered_is_no_decision(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme)
    first = review(db, item_id, SAW, status="rejected")
    review(db, item_id, LAMP, status="superseded")
    decide(db, first, "approved")
    assert item(db, item_id) == ("confirmed", SAW, None)


def test_a_rejected_review_names_no_product(db: psycopg.Connection, acme: int) -> None:
    """What became of the item since is not undone by it."""
    item_id = offer(db, acme)
    review_id = review(db, item_id, SAW)
    decide(db, review_id, "rejected")
    ((draft_id, *_),) = drafts(db)
    accept(db, draft_id, LAMP)
    with pytest.raises(psycopg.errors.CheckViolation, match="only when it is approved"):
        decide(db, review_id, "rejected", SAW)
    assert item(db, item_id) == ("confirmed", LAMP, draft_id)


def test_a_review_without_candidates_is_approved_only_by_naming_the_product(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme)
    review_id = review(db, item_id)
    with pytest.raises(psycopg.errors.NotNullViolation, match="has no candidates"):
        decide(db, review_id, "approved")
    assert item(db, item_id) == ("review", None, None)
    decide(db, review_id, "approved", SAW)
    assert item(db, item_id) == ("confirmed", SAW, None)


def test_a_product_that_is_not_there_is_refused(db: psycopg.Connection, acme: int) -> None:
    item_id = offer(db, acme)
    gone = review(db, item_id, 404)
    for product_id in (None, 405):
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            decide(db, gone, "approved", product_id)
    assert item(db, item_id) == ("review", None, None)


def test_what_is_not_offered_any_more_can_be_approved_and_is_an_offer_when_it_comes_back(
    db: psycopg.Connection, acme: int
) -> None:
    item_id = offer(db, acme, gone_at="2026-01-01")
    decide(db, review(db, item_id, SAW), "approved")
    assert item(db, item_id) == ("confirmed", SAW, None)
    assert offers(db) == []
    db.execute("UPDATE supplier_items SET gone_at = NULL")
    refresh(db)
    assert offers(db) == [(SAW, 2, item_id, 1)]


def test_of_two_people_who_decide_at_once_the_second_is_heard(
    db: psycopg.Connection, database: Database, acme: int
) -> None:
    item_id = offer(db, acme)
    review_id = review(db, item_id, SAW)
    with database.connect() as one, database.connect() as other:
        interleave(
            db, one, lambda: decide(one, review_id, "rejected"), lambda: decide(other, review_id, "approved", LAMP)
        )
    assert item(db, item_id) == ("confirmed", LAMP, None)
    assert drafts(db) == []
    assert offers(db) == [(LAMP, 2, item_id, 1)]


def test_or_the_first_who_asks_for_what_is_pending(db: psycopg.Connection, database: Database, acme: int) -> None:
    item_id = offer(db, acme)
    review_id = review(db, item_id, SAW)
    with database.connect() as one, database.connect() as other:
        late = interleave(
            db,
            one,
            lambda: decide(one, review_id, "approved", LAMP),
            lambda: other.execute("UPDATE match_reviews SET status = 'rejected' WHERE status = 'pending'").rowcount,
        )
    assert late == 0
    assert item(db, item_id) == ("confirmed", LAMP, None)


def test_the_product_that_a_list_links_meanwhile_loses_the_offer_too(
    db: psycopg.Connection, database: Database, acme: int
) -> None:
    item_id = offer(db, acme, match_status="draft")
    review_id = review(db, item_id, SAW, status="rejected")
    with database.connect() as slice_, database.connect() as person:

        def link() -> None:
            slice_.execute("SELECT FROM products WHERE id = 3 FOR NO KEY UPDATE")
            slice_.execute("UPDATE supplier_items SET match_status = 'linked', product_id = 3")
            slice_.execute("SELECT catalogd_refresh_offers(ARRAY[3]::bigint[])")

        interleave(db, slice_, link, lambda: decide(person, review_id, "approved"))
    assert item(db, item_id) == ("confirmed", SAW, None)
    assert offers(db) == [(SAW, 2, item_id, 1)]
