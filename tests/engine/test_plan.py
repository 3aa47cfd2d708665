"""Planning: a list of ids becomes slices, counters and item errors, in one transaction."""

import psycopg
import pytest

from daemon.engine.queue import RETRY_LIMIT
from tests.support.database import Database
from tests.support.engine import claim, make_queue, slices, treat
from tests.support.factories import batch, errors_of, read_batch, shop


def test_slices_have_the_slice_size_and_the_order_of_ids(db: psycopg.Connection) -> None:
    batch(db, [9, 3, 7, 1, 5])
    make_queue(slice_size=2).plan(db)
    assert slices(db) == [[1, 3], [5, 7], [9]]


def test_a_planned_batch_is_processing_and_counted(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1, 2, "x"], total_products=77)
    (planned,) = make_queue().plan(db)
    assert (planned.id, planned.status, planned.items, planned.success, planned.errors) == (
        batch_id, "processing", 3, 0, 1,
    )  # fmt: skip
    row = read_batch(db, batch_id)
    assert (row["total_products"], row["processed_products"], row["error_products"]) == (3, 1, 1)
    assert row["started_at"]
    assert row["completed_at"] is None


def test_a_new_batch_starts_at_the_lowest_outstanding_turn(db: psycopg.Connection) -> None:
    queue = make_queue(slice_size=1)
    big = batch(db, [1, 2, 3, 4])
    queue.plan(db)
    for _ in range(2):
        with db.transaction():
            treat(db, queue, claim(db, queue))
    small = batch(db, [5, 6])
    queue.plan(db)
    assert slices(db, "batch_id, turn") == [(big, 2), (small, 2), (big, 3), (small, 3)]


def test_priority_goes_before_turn(db: psycopg.Connection) -> None:
    queue = make_queue(slice_size=1)
    usual = batch(db, [1, 2])
    urgent = batch(db, [3, 4], priority=5)
    queue.plan(db)
    assert slices(db, "batch_id, turn") == [(urgent, 0), (urgent, 1), (usual, 0), (usual, 1)]
    assert claim(db, queue).slices[0].batch_id == urgent


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ([1, "1", "01", 1], [1]),
        (["0", "9223372036854775807"], [0, 2**63 - 1]),
        ([100, "007"], [7, 100]),
    ],
)
def test_ids_are_numbers_or_digits_and_count_once(db: psycopg.Connection, given: list[object], ids: list[int]) -> None:
    batch_id = batch(db, given)
    make_queue().plan(db)
    assert slices(db) == [ids]
    assert read_batch(db, batch_id)["total_products"] == len(ids)


@pytest.mark.parametrize(
    "bad",
    [None, 1.5, -1, "-1", "", " 1", "1 ", "1\n", "1e3", "x", "１", True, [1], {"id": 1}, 2**63, str(2**63), 10**40],
)
def test_anything_else_is_an_item_error_and_the_rest_goes_on(db: psycopg.Connection, bad: object) -> None:
    batch_id = batch(db, [1, bad, bad])
    make_queue().plan(db)
    assert slices(db) == [[1]]
    assert [code for _, code in errors_of(db, batch_id)] == ["not_an_id"]
    assert read_batch(db, batch_id)["total_products"] == 2


def test_the_item_error_holds_the_item_as_given(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1, {"id": [None]}])
    make_queue().plan(db)
    assert errors_of(db, batch_id) == [('{"id": [null]}', "not_an_id")]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"1": 2}, "product_ids is a JSON object: it must be an array of ids."),
        ("1,2", "product_ids is a JSON string: it must be an array of ids."),
        (5, "product_ids is a JSON number: it must be an array of ids."),
        (None, "product_ids is empty: it must be a JSON array of ids."),
        (["a", None], "None of the 2 entries of product_ids is an id."),
    ],
)
def test_a_list_without_any_id_fails_with_a_sentence(db: psycopg.Connection, given: object, sentence: str) -> None:
    batch_id = batch(db, given)
    (planned,) = make_queue().plan(db)
    assert (planned.status, planned.error_message) == ("failed", sentence)
    row = read_batch(db, batch_id)
    assert (row["status"], row["error_message"]) == ("failed", sentence)
    assert row["completed_at"]
    assert row["processed_products"] == row["error_products"] == row["total_products"]


def test_sql_null_instead_of_a_list_fails_too(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO categorization_batches (product_ids) VALUES (NULL)")
    (planned,) = make_queue().plan(db)
    assert planned.status == "failed"


def test_an_empty_list_is_completed_with_nothing_done(db: psycopg.Connection) -> None:
    batch_id = batch(db, [])
    (planned,) = make_queue().plan(db)
    assert planned.status == "completed"
    assert read_batch(db, batch_id)["total_products"] == 0
    assert slices(db) == []


def test_a_retry_plans_only_what_has_no_result_and_clears_the_old_errors(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=2)
    queue = make_queue()
    batch_id = batch(db, [*product_ids, 999, "x"])
    queue.plan(db)
    with db.transaction():
        treat(db, queue, claim(db, queue))
    assert len(errors_of(db, batch_id)) == 2
    db.execute("UPDATE categorization_batches SET status = 'pending', retry_count = retry_count + 1")
    (planned,) = queue.plan(db)
    assert (planned.retry_count, planned.items, planned.success, planned.errors) == (1, 4, 2, 1)
    assert slices(db) == [[999]]
    assert errors_of(db, batch_id) == [('"x"', "not_an_id")]


def test_a_batch_set_back_without_counting_a_retry_has_no_error_twice(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1, "x"])
    queue = make_queue()
    queue.plan(db)
    db.execute("UPDATE categorization_batches SET status = 'pending'")
    queue.plan(db)
    assert len(errors_of(db, batch_id)) == 1 == read_batch(db, batch_id)["error_products"]


def test_a_retry_of_a_batch_with_nothing_left_is_completed_at_once(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=1)
    queue = make_queue()
    batch_id = batch(db, product_ids)
    queue.plan(db)
    with db.transaction():
        treat(db, queue, claim(db, queue))
    assert queue.retry(db, batch_id)
    (planned,) = queue.plan(db)
    assert (planned.status, planned.items, planned.success) == ("completed", 1, 1)


def test_at_the_retry_limit_a_batch_is_refused_and_keeps_its_counters(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1, "x"])
    queue = make_queue()
    queue.plan(db)
    db.execute("UPDATE categorization_batches SET status = 'pending', retry_count = %s", (RETRY_LIMIT,))
    (planned,) = queue.plan(db)
    assert planned.status == "failed"
    assert "retry limit of 3" in str(planned.error_message)
    assert slices(db) == []
    row = read_batch(db, batch_id)
    assert (row["total_products"], row["error_products"]) == (2, 1)
    assert len(errors_of(db, batch_id)) == 1


def test_planning_is_audited_with_the_instance(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    make_queue().plan(db)
    rows = db.execute("SELECT entity_id, action, actor_type, metadata FROM audit_log").fetchall()
    assert [row[:3] for row in rows] == [(batch_id, "planned", "daemon")]
    assert rows[0][3]["instance"] == "test"


def test_many_tiny_batches_are_planned_together(db: psycopg.Connection) -> None:
    batch_ids = [batch(db, [number]) for number in range(1, 31)]
    planned = make_queue().plan(db)
    assert [one.id for one in planned] == batch_ids


def test_a_plan_takes_a_long_list_and_leaves_the_next_for_another(db: psycopg.Connection) -> None:
    long, short = batch(db, range(1, 40_000)), batch(db, [1])
    queue = make_queue()
    assert [one.id for one in queue.plan(db)] == [long]
    assert [one.id for one in queue.plan(db)] == [short]
    assert queue.plan(db) == []


def test_a_batch_that_the_application_holds_is_skipped(db: psycopg.Connection, database: Database) -> None:
    held, free = batch(db, [1]), batch(db, [2])
    with database.connect() as php, php.transaction():
        php.execute("SELECT FROM categorization_batches WHERE id = %s FOR UPDATE", (held,))
        assert [one.id for one in make_queue().plan(db)] == [free]
    assert [one.id for one in make_queue().plan(db)] == [held]


def test_a_pending_batch_is_left_alone_while_one_of_its_slices_is_locked(
    db: psycopg.Connection, database: Database
) -> None:
    product_ids = shop(db, products=2)
    queue = make_queue(slice_size=1)
    batch_id = batch(db, product_ids)
    queue.plan(db)
    with database.connect() as worker:
        held = claim(worker, queue)
        with worker.transaction():
            queue.lock(worker, held)
            db.execute("UPDATE categorization_batches SET status = 'pending', retry_count = 1")
            assert queue.plan(db) == []
            assert read_batch(db, batch_id)["status"] == "pending"
            assert slices(db) == [product_ids[:1]]  # what was free is dropped
            worker.execute("INSERT INTO predictions (batch_id, product_id) VALUES (%s, %s)", (batch_id, product_ids[0]))
            worker.execute("DELETE FROM batch_slices WHERE items = %s::bigint[]", (product_ids[:1],))
    (planned,) = queue.plan(db)
    assert (planned.items, planned.success) == (2, 1)
    assert slices(db) == [product_ids[1:]]


def test_a_batch_that_cannot_be_planned_fails_alone(db: psycopg.Connection) -> None:
    good, bad, other = batch(db, [1]), batch(db, [2], priority=7), batch(db, [3])
    db.execute("ALTER TABLE batch_slices ADD CHECK (priority < 7)")
    queue = make_queue()
    planned = [one for _ in range(3) for one in queue.plan(db)]
    assert [(one.id, one.status) for one in planned] == [(good, "processing"), (bad, "failed"), (other, "processing")]
    assert "could not be planned" in str(read_batch(db, bad)["error_message"])
    assert queue.plan(db) == []


def test_a_cancelled_statement_fails_no_batch(db: psycopg.Connection) -> None:
    batch_id = batch(db, range(1, 40_000))
    db.execute("SET statement_timeout = 2")
    with pytest.raises(psycopg.errors.QueryCanceled):
        make_queue().plan(db)
    db.execute("SET statement_timeout = 0")
    assert read_batch(db, batch_id)["status"] == "pending"


def test_columns_that_the_application_leaves_null_do_no_harm(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=1)
    names = "priority", "retry_count", "created_at", "total_products", "processed_products", "success_products"
    for name in (*names, "error_products"):
        db.execute(f"ALTER TABLE categorization_batches ALTER {name} DROP NOT NULL")  # type: ignore[call-overload]
    batch_id = batch(db, product_ids, **dict.fromkeys((*names, "error_products")))
    queue = make_queue()
    (planned,) = queue.plan(db)
    assert (planned.status, planned.wait_s, planned.retry_count) == ("processing", 0.0, 0)
    with db.transaction():
        (completed,) = treat(db, queue, claim(db, queue))
    assert (completed.id, completed.success, completed.wait_s) == (batch_id, 1, 0.0)


def test_a_huge_list_is_planned_alone_and_holds_no_other_up(db: psycopg.Connection, database: Database) -> None:
    queue = make_queue()
    huge = batch(db, range(1, 2_000_000, 37))
    small = [batch(db, [number]) for number in range(3)]
    with db.transaction(), database.connect() as other:
        assert [planned.id for planned in queue.plan(db)] == [huge]
        assert [planned.id for planned in queue.plan(other)] == small
