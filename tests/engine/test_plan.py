"""Planning: a list of ids becomes slices, counters and item errors, in one transaction."""

import math

import psycopg
import pytest

from daemon.engine.queue import RETRY_LIMIT, NotPlanned
from tests.support.database import Database
from tests.support.engine import claim, make_queue, slices, treat
from tests.support.factories import batch, errors_of, read_batch, shop
from tests.support.waiting import wait_until


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


def test_the_turn_of_another_priority_does_not_matter(db: psycopg.Connection) -> None:
    queue = make_queue(slice_size=1)
    usual = batch(db, [1, 2])
    queue.plan(db)
    db.execute("UPDATE batch_slices SET turn = turn + 7")
    urgent = batch(db, [3, 4], priority=5)
    queue.plan(db)
    assert slices(db, "batch_id, turn") == [(urgent, 0), (urgent, 1), (usual, 7), (usual, 8)]


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
    batch_id = batch(db, [*shop(db, products=2), "x"])
    queue = make_queue()
    queue.plan(db)
    with db.transaction():
        treat(db, queue, claim(db, queue))
    db.execute("UPDATE categorization_batches SET status = 'pending', retry_count = %s", (RETRY_LIMIT,))
    (planned,) = queue.plan(db)
    assert planned.status == "failed"
    assert "retry limit of 3" in str(planned.error_message)
    assert slices(db) == []
    row = read_batch(db, batch_id)
    assert [row[f"{name}_products"] for name in ("total", "processed", "success", "error")] == [3, 3, 2, 1]
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


@pytest.mark.parametrize("place", [0, 1])
def test_a_batch_that_the_application_holds_is_skipped(db: psycopg.Connection, database: Database, place: int) -> None:
    free = [batch(db, [number]) for number in range(3)]
    held = free.pop(place)
    db.execute("SET lock_timeout = '10s'")
    with database.connect() as php, php.transaction():
        php.execute("SELECT FROM categorization_batches WHERE id = %s FOR UPDATE", (held,))
        assert [one.id for one in make_queue().plan(db)] == free
    assert [one.id for one in make_queue().plan(db)] == [held]


def test_a_batch_that_cannot_be_planned_fails_alone(db: psycopg.Connection) -> None:
    good, bad, other = batch(db, [1]), batch(db, [2], priority=7), batch(db, [3])
    db.execute("ALTER TABLE batch_slices ADD CHECK (priority < 7)")
    queue = make_queue()
    planned = [one for _ in range(3) for one in queue.plan(db)]
    assert [(one.id, one.status) for one in planned] == [(good, "processing"), (bad, "failed"), (other, "processing")]
    assert "could not be planned" in str(read_batch(db, bad)["error_message"])
    audited = db.execute("SELECT action FROM audit_log WHERE entity_id = %s", (bad,)).fetchall()
    assert audited == [("failed",)]
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


@pytest.mark.parametrize("created_at", ["infinity", "-infinity", "4713-01-01 BC", "294276-01-01", "tomorrow"])
def test_a_batch_from_no_time_at_all_is_planned_and_completed(db: psycopg.Connection, created_at: str) -> None:
    queue = make_queue(slice_size=1)
    batch_id = batch(db, shop(db, products=2), created_at=created_at)
    (planned,) = queue.plan(db)
    assert (planned.id, planned.status) == (batch_id, "processing")
    with db.transaction():
        assert treat(db, queue, claim(db, queue)) == []
    db.execute("UPDATE categorization_batches SET started_at = %s", (created_at,))
    with db.transaction():
        (completed,) = treat(db, queue, claim(db, queue))
    for seconds in (planned.wait_s, completed.wait_s, completed.duration_s):
        assert 0 <= seconds < math.inf


def test_a_batch_from_no_time_that_cannot_be_planned_fails_alone(db: psycopg.Connection) -> None:
    bad, good = batch(db, [1], priority=7, created_at="infinity"), batch(db, [2])
    db.execute("ALTER TABLE batch_slices ADD CHECK (priority < 7)")
    queue = make_queue()
    planned = [one for _ in range(2) for one in queue.plan(db)]
    assert [(one.id, one.status) for one in planned] == [(bad, "failed"), (good, "processing")]


@pytest.mark.parametrize("by", ["php", "operator"])
def test_a_retry_count_below_zero_does_not_put_the_limit_off(db: psycopg.Connection, by: str) -> None:
    batch_id = batch(db, ["x"], retry_count=-5)
    queue = make_queue()
    for retries in range(RETRY_LIMIT):
        (planned,) = queue.plan(db)
        assert (planned.retry_count, read_batch(db, batch_id)["retry_count"]) == (retries, retries)
        if by == "php":
            db.execute("UPDATE categorization_batches SET status = 'pending', retry_count = retry_count + 1")
        else:
            assert queue.retry(db, batch_id) == (retries < RETRY_LIMIT - 1)
    assert [str(one.error_message)[:15] for one in queue.plan(db)] == (["The retry limit"] if by == "php" else [])


def test_an_operators_retry_counts_from_nought_though_php_wrote_less(db: psycopg.Connection) -> None:
    batch_id = batch(db, ["x"])
    queue = make_queue()
    queue.plan(db)
    db.execute("UPDATE categorization_batches SET retry_count = -5")
    assert queue.retry(db, batch_id)
    assert read_batch(db, batch_id)["retry_count"] == 1


@pytest.fixture
def full_disk(db: psycopg.Connection) -> str:
    """A statement that makes planning meet a full disk, for batches with this priority."""
    db.execute(
        "CREATE FUNCTION run_out_of_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no space left on device' USING ERRCODE = 'disk_full'; END $$"
    )
    return (
        "CREATE TRIGGER full_disk BEFORE INSERT ON batch_slices FOR EACH ROW WHEN (NEW.priority = 13)"
        " EXECUTE FUNCTION run_out_of_disk()"
    )


@pytest.mark.parametrize("number", [1, 7])
def test_batches_that_the_disk_is_too_full_for_let_others_go_first(
    db: psycopg.Connection, full_disk: str, number: int
) -> None:
    db.execute(full_disk)
    queue = make_queue()
    unlucky = [batch(db, [1], priority=13) for _ in range(number)]
    others = [batch(db, [1]) for _ in range(2)]
    put_off: list[NotPlanned] = []
    planned = queue.plan(db, on_put_off=put_off.append) + queue.plan(db, on_put_off=put_off.append)
    assert [failure.batch_id for failure in put_off] == unlucky
    assert isinstance(put_off[0].__cause__, psycopg.errors.DiskFull)
    assert [one.id for one in planned] == others
    assert {read_batch(db, batch_id)["status"] for batch_id in unlucky} == {"pending"}
    db.execute("DROP TRIGGER full_disk ON batch_slices")
    at_last: list[int] = []
    wait_until(lambda: at_last.extend(one.id for one in queue.plan(db)) or len(at_last) == number)  # type: ignore[func-returns-value]
    assert sorted(at_last) == unlucky


def test_a_batch_is_put_off_ever_longer_until_it_is_planned(db: psycopg.Connection, full_disk: str) -> None:
    db.execute(full_disk)
    queue = make_queue()
    batch(db, [1], priority=13)
    put_off: list[NotPlanned] = []
    for _ in range(9):
        queue._put_off = {batch_id: (times, 0.0) for batch_id, (times, _) in queue._put_off.items()}  # time passes
        assert queue.plan(db, on_put_off=put_off.append) == []
    assert [failure.delay_s for failure in put_off] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_batch_that_another_worker_puts_off_meanwhile_is_not_blamed_for_the_next(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.execute("ALTER TABLE batch_slices ADD CHECK (priority < 7)")
    queue = make_queue()
    innocent, culprit = batch(db, [1]), batch(db, [2], priority=7)
    lock_pending = queue._lock_pending

    def put_off_meanwhile(conn: psycopg.Connection, after: int) -> int | None:
        found = lock_pending(conn, after)
        if found == innocent:
            queue._put_off[innocent] = 1, math.inf
        return found

    monkeypatch.setattr(queue, "_lock_pending", put_off_meanwhile)
    planned = [one for _ in range(2) for one in queue.plan(db)]
    assert [(one.id, one.status) for one in planned] == [(innocent, "processing"), (culprit, "failed")]


def test_a_retry_count_beyond_all_bounds_is_refused(db: psycopg.Connection) -> None:
    batch_id = batch(db, ["x"])
    queue = make_queue()
    queue.plan(db)
    db.execute("UPDATE categorization_batches SET retry_count = 2147483647")
    assert not queue.retry(db, batch_id)


def test_a_huge_list_is_planned_alone_and_holds_no_other_up(db: psycopg.Connection, database: Database) -> None:
    queue = make_queue()
    huge = batch(db, range(1, 2_000_000, 37))
    small = [batch(db, [number]) for number in range(3)]
    with db.transaction(), database.connect() as other:
        assert [planned.id for planned in queue.plan(db)] == [huge]
        assert [planned.id for planned in queue.plan(other)] == small


def test_a_huge_list_is_not_planned_with_a_small_one_before_it(db: psycopg.Connection) -> None:
    first, huge, last = batch(db, [1]), batch(db, range(1, 2_000_000, 37)), batch(db, [2])
    queue = make_queue()
    assert [[planned.id for planned in queue.plan(db)] for _ in range(2)] == [[first, last], [huge]]


def test_a_batch_of_which_a_worker_holds_a_slice_keeps_nobody_behind_it_waiting(
    db: psycopg.Connection, database: Database
) -> None:
    queue = make_queue(slice_size=1000)
    big = batch(db, range(1, 3001))  # too big to be planned together with others
    queue.plan(db)
    with database.connect() as other, other.transaction():
        queue.lock(other, claim(other, queue))
        db.execute("UPDATE categorization_batches SET status = 'pending' WHERE id = %s", (big,))
        behind = batch(db, [1, 2, 3])
        assert [planned.id for planned in queue.plan(db)] == [behind]


def test_numbers_of_many_digits_are_not_spelt_out(db: psycopg.Connection) -> None:
    """Each of these would be 130,000 characters long."""
    (batch_id,) = db.execute(
        "INSERT INTO categorization_batches (product_ids)"
        " SELECT jsonb_agg((i || 'e130000')::jsonb) || '[1e2, 5.0, -0, 1e-9000]' FROM generate_series(1, 8000) AS i"
        " RETURNING id"
    ).fetchone() or (0,)
    db.execute("SET statement_timeout = '5s'")
    (planned,) = make_queue().plan(db)
    assert (planned.id, planned.items, planned.errors) == (batch_id, 8004, 8002)
    assert slices(db) == [[0, 100]]


@pytest.mark.parametrize(("given", "commit"), [([[1]], "off"), ([[1], []], "on"), ([[1], ["x"]], "on")])
def test_only_an_end_waits_for_the_disk(db: psycopg.Connection, given: list[list[object]], commit: str) -> None:
    """What is begun is made anew after a crash; what is completed or failed PHP has seen for good."""
    for product_ids in given:
        batch(db, product_ids)
    with db.transaction():
        assert len(make_queue().plan(db)) == len(given)
        assert db.execute("SHOW synchronous_commit").fetchone() == (commit,)
    assert db.execute("SHOW synchronous_commit").fetchone() == ("on",)
