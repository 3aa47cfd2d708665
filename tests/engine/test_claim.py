"""Claiming: in turn, disjoint, again only when nobody holds it."""

from datetime import timedelta

import psycopg
import pytest

from daemon.engine.queue import ITEM_DEATHS, SLICE_DEATHS, Queue, Timing
from tests.support.database import Database
from tests.support.engine import AT_ONCE, claim, make_queue, slices
from tests.support.factories import age_claims, batch
from tests.support.server import PrivateServer


def items_of(db: psycopg.Connection, slice_ids: list[int]) -> list[int]:
    rows = db.execute("SELECT unnest(items) FROM batch_slices WHERE id = ANY(%s) ORDER BY 1", (slice_ids,))
    return [row[0] for row in rows]


def plan(db: psycopg.Connection, slice_size: int, *lists: object) -> Queue:
    queue = make_queue(slice_size)
    for product_ids in lists:
        batch(db, product_ids)
    queue.plan(db)
    return queue


def test_two_workers_at_once_get_different_slices(db: psycopg.Connection, database: Database) -> None:
    queue = plan(db, 2, [1, 2, 3, 4])
    with database.connect() as other, db.transaction():
        first = claim(db, queue, "one")
        second = claim(other, queue, "two")  # does not wait for the first
    assert items_of(db, first.slice_ids) == [1, 2]
    assert items_of(db, second.slice_ids) == [3, 4]
    assert queue.claim(db, "three") is None


def test_a_claim_counts_the_attempt_and_names_the_worker(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1, 2])
    taken = claim(db, queue, "one")
    assert (taken.slices[0].attempts, taken.slices[0].item_count) == (1, 2)
    assert slices(db, "attempts, claimed_by") == [(1, "one")]


def test_tiny_slices_are_taken_together_up_to_the_slice_size(db: psycopg.Connection) -> None:
    queue = plan(db, 100, *([number * 2, number * 2 + 1] for number in range(100)))
    taken = claim(db, queue)
    assert 90 <= sum(slice.item_count for slice in taken.slices) <= 100
    assert taken.slice_ids == sorted(taken.slice_ids)


def test_a_slice_that_is_not_tiny_goes_alone(db: psycopg.Connection) -> None:
    queue = plan(db, 100, [1, 2, 3], [4], [5])
    assert len(claim(db, queue).slices) == 1
    assert len(claim(db, queue).slices) == 2


def test_tiny_slices_of_another_turn_or_priority_stay_behind(db: psycopg.Connection) -> None:
    queue = plan(db, 100, [1], [2])
    batch(db, [3], priority=1)
    queue.plan(db)
    db.execute("UPDATE batch_slices SET turn = 9 WHERE items = '{2}'")
    assert [items_of(db, claim(db, queue).slice_ids) for _ in range(3)] == [[3], [1], [2]]


@pytest.mark.parametrize(
    "difference",
    [
        "priority = -1",
        "turn = 9",
        "attempts = 1",
        "claimed_at = now(), claimed_by = 'peer'",
        "run_after = now() + interval '1 minute'",
        "items = '{2, 3, 4}'",
        "workload = 'other'",
    ],
)
def test_what_differs_from_the_first_is_left_out_of_the_group(db: psycopg.Connection, difference: str) -> None:
    queue = plan(db, 100, [1], [2], [5])
    db.execute(f"UPDATE batch_slices SET {difference} WHERE items = '{{2}}'")  # type: ignore[call-overload]  # noqa: S608
    assert items_of(db, claim(db, queue).slice_ids) == [1, 5]


def test_slices_of_another_workload_are_none_of_ours(db: psycopg.Connection) -> None:
    queue = plan(db, 100, [1])
    db.execute("UPDATE batch_slices SET workload = 'other'")
    assert queue.claim(db, "w") is None
    assert queue.adopt_orphans(db) != []
    queue.plan(db)
    assert slices(db, "workload") == ["other", "categorization"]


def test_a_slice_that_was_tried_before_goes_alone(db: psycopg.Connection) -> None:
    queue = plan(db, 100, [1], [2], [3])
    db.execute("UPDATE batch_slices SET attempts = 1 WHERE items = '{1}'")
    assert [items_of(db, claim(db, queue).slice_ids) for _ in range(2)] == [[1], [2, 3]]
    age_claims(db)
    recovered = claim(db, queue)
    assert len(recovered.slices) == 1
    assert recovered.is_recovered


def test_a_fresh_claim_is_not_taken(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    claim(db, queue, "one")
    assert queue.claim(db, "two") is None


def test_an_aged_claim_that_nobody_has_locked_is_taken(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    claim(db, queue, "dead")
    age_claims(db)
    taken = claim(db, queue, "alive")
    assert taken.is_recovered
    assert taken.slices[0].attempts == 2


def test_a_claim_from_before_the_servers_start_is_taken_and_its_attempt_does_not_count(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    claim(db, queue, "peer/1")
    db.execute("UPDATE batch_slices SET claimed_at = pg_postmaster_start_time() - interval '1 ms'")
    assert claim(db, queue, "test/1").slices[0].attempts == 1


def test_a_claim_of_an_instance_that_has_sessions_is_left_to_it_for_as_long_as_it_may_be_silent(
    db: psycopg.Connection, database: Database
) -> None:
    queue, peer = plan(db, 2, [1]), "host:1:ab"
    claim(db, queue, f"{peer}/1")
    with database.connect(application_name=f"catalogd {peer}"):
        age_claims(db, seconds=1)
        assert queue.claim(db, "test/1") is None
        assert make_queue(instance="other").claim(db, "other/1") is None
        assert claim(db, make_queue(instance=peer), f"{peer}/2").slices[0].attempts == 1
        age_claims(db, seconds=1)
        impatient = make_queue(timing=Timing(frozen=timedelta(milliseconds=500)))
        assert claim(db, impatient, "test/1").slices[0].attempts == 2


def test_a_claim_is_free_when_the_last_session_of_its_instance_is_gone(
    db: psycopg.Connection, database: Database, server: PrivateServer
) -> None:
    queue, name = plan(db, 2, [1]), "catalogd host:1:ab"
    claim(db, queue, "host:1:ab/1")
    age_claims(db, seconds=1)
    db.execute("CREATE ROLE somebody_else LOGIN")
    try:
        with (
            database.connect(application_name=f"{name} listener"),  # which treats nothing
            database.connect(application_name=f"{name}c"),
            database.connect(application_name=name, user="somebody_else"),
            psycopg.connect(server.dsn(), application_name=name),  # of another database
        ):
            assert claim(db, queue, "test/1").slices[0].attempts == 2
    finally:
        db.execute("DROP ROLE somebody_else")


def test_more_attempts_than_can_be_counted_stop_nobody(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    db.execute("UPDATE batch_slices SET attempts = 32767")  # by hand
    assert claim(db, queue).is_spent


def test_a_claim_of_an_instance_that_lives_is_taken_by_it_and_its_attempt_does_not_count(
    db: psycopg.Connection,
) -> None:
    queue = plan(db, 2, [1])
    claim(db, queue, "test/1")
    age_claims(db, seconds=1)
    assert claim(db, queue, "test/2").slices[0].attempts == 1
    age_claims(db, seconds=1)
    assert claim(db, make_queue(instance="peer"), "peer/1").slices[0].attempts == 2


def test_an_instance_that_took_too_long_counts_its_own_attempt(db: psycopg.Connection) -> None:
    queue = make_queue(timing=Timing(grace=timedelta(0), frozen=timedelta(0)))
    batch(db, [1])
    queue.plan(db)
    claim(db, queue, "test/1")
    assert claim(db, queue, "test/2").slices[0].attempts == 2


def test_an_aged_claim_that_is_locked_is_alive_however_old(db: psycopg.Connection, database: Database) -> None:
    queue = plan(db, 2, [1])
    held = claim(db, queue, "slow")
    age_claims(db, seconds=86_400)
    with database.connect() as slow, slow.transaction():
        assert len(queue.lock(slow, held)) == 1
        assert queue.claim(db, "other") is None
    assert queue.claim(db, "other") is not None


def test_a_claim_from_the_future_is_taken(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    claim(db, queue)
    age_claims(db, seconds=-3600)  # the clock was put back
    assert queue.claim(db, "other") is not None


def test_what_is_put_off_waits_for_its_time(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    queue.release(db, claim(db, queue), timedelta(seconds=30))
    assert queue.claim(db, "w") is None
    db.execute("UPDATE batch_slices SET run_after = now() - interval '1 second'")
    assert queue.claim(db, "w") is not None


def test_nothing_is_put_off_for_longer_than_the_longest_delay(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    queue.release(db, claim(db, queue), timedelta(days=9))
    assert queue.claim(db, "w") is None
    db.execute("UPDATE batch_slices SET run_after = now() + interval '1 hour'")  # only a clock put back does that
    assert queue.claim(db, "w") is not None


def test_a_released_claim_costs_no_attempt(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1])
    queue.release(db, claim(db, queue), timedelta(0))
    assert slices(db, "attempts, claimed_by, claimed_at") == [(0, None, None)]
    assert not claim(db, queue).is_recovered


def test_only_the_own_claim_is_released(db: psycopg.Connection) -> None:
    queue = make_queue(2, AT_ONCE)
    batch(db, [1])
    queue.plan(db)
    lost = claim(db, queue, "zombie")
    claim(db, queue, "heir")
    queue.release(db, lost, timedelta(0))
    assert slices(db, "attempts, claimed_by") == [(2, "heir")]


def test_releasing_waits_for_no_session_that_was_cut_off_with_the_slice(
    db: psycopg.Connection, database: Database
) -> None:
    queue = plan(db, 2, [1])
    taken = claim(db, queue)
    with database.connect() as cut_off, cut_off.transaction():
        queue.lock(cut_off, taken)
        db.execute("SET lock_timeout = '2s'")
        queue.release(db, taken, timedelta(0))
    assert slices(db, "attempts") == [1]


def test_only_the_claim_is_committed_without_waiting_for_the_disk(db: psycopg.Connection) -> None:
    queue = plan(db, 2, [1], [2, 3])
    with db.transaction():
        claim(db, queue)
        assert db.execute("SHOW synchronous_commit").fetchone() == ("off",)
    assert db.execute("SHOW synchronous_commit").fetchone() == ("on",)
    claim(db, queue)
    assert db.execute("SHOW synchronous_commit").fetchone() == ("on",)


@pytest.mark.parametrize(("items", "deaths"), [([1, 2], SLICE_DEATHS), ([1], ITEM_DEATHS)])
def test_a_slice_is_spent_when_its_deaths_are_used(db: psycopg.Connection, items: list[int], deaths: int) -> None:
    queue = plan(db, 2, items)
    for _ in range(deaths):
        assert not claim(db, queue).is_spent
        age_claims(db)
    assert claim(db, queue).is_spent


def test_the_backlog_tells_what_there_is(db: psycopg.Connection) -> None:
    queue = make_queue()
    assert not queue.backlog(db).is_open
    batch_id = batch(db, [1])
    assert queue.backlog(db).to_plan
    queue.plan(db)
    backlog = queue.backlog(db)
    assert (backlog.to_plan, backlog.to_treat, backlog.processing) == (False, True, True)
    db.execute("DELETE FROM batch_slices")
    assert queue.backlog(db).is_open
    queue.cancel(db, batch_id)
    assert not queue.backlog(db).is_open
