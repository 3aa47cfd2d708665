"""Everything that may happen to the queue, in any order, against a plain model of what must hold.

The orders of PHP, the steps of workers, their deaths, and hands in the tables: hypothesis chooses; after each step the
database must look as the model does, and at the end one worker alone must bring every batch to its end.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import errors
from psycopg.types.json import Jsonb

from daemon.engine.queue import Claim, Planned, Queue, Slice, Timing
from daemon.engine.workload import Item, Outcome
from tests.engine.queue_model import FINAL, Model, ModelBatch, ModelSlice, ModelWorker
from tests.support.database import Database
from tests.support.engine import make_queue
from tests.support.factories import age_claims, shop
from tests.support.waiting import wait_until
from tests.support.workload import RecordingWorkload

IS_LONG = "CATALOGD_LONG" in os.environ
EXAMPLES = int(os.environ.get("CATALOGD_EXAMPLES", "2000" if IS_LONG else "40"))
STEPS = 50

KNOWN = (1, 2, 3, 4, 5, 6)
TABLES = "categorization_batches, batch_slices, predictions, evidence, categorization_errors, audit_log, products"
IN_NO_HURRY = Timing(grace=timedelta(hours=1))  # claims grow old when the model says so
OUT_OF_GRACE_S = -7200  # into the future, as if the clock was put back: earlier would be before the server's start

entries = st.one_of(
    st.sampled_from(KNOWN),
    st.sampled_from(KNOWN),
    st.sampled_from(["1", "02", 98, "99", 2**63 - 1]),  # repeats, and ids that the shop does not have
    st.sampled_from([None, -1, 1.5, "x", "", True, [1], {"id": 1}, 2**63]),
)
usual = st.lists(st.sampled_from(KNOWN), min_size=2, max_size=6, unique=True)
lists = st.one_of(
    usual,
    usual,
    st.lists(entries, max_size=8),
    st.sampled_from([{"1": 2}, "1,2", 5, None, ["x", None, "x"], [1, "1", 98, None, 2, None]]),
)
picks = st.integers(0, 11)


class Stage(Enum):
    """How far a worker is with its claim."""

    IDLE = auto()
    CLAIMED = auto()
    LOCKED = auto()
    TREATED = auto()
    READY = auto()  # to be committed


meddlings = st.lists(
    st.tuples(
        st.sampled_from([Stage.CLAIMED, Stage.LOCKED, Stage.TREATED, Stage.READY]),
        st.sampled_from(["set back", "cancel", "plan", "claim", "total", "delete"]),
    ),
    min_size=1,
    max_size=3,
)


@dataclass
class Hand:
    """A worker: its connection, and what it has in hand."""

    conn: psycopg.Connection
    model: ModelWorker
    stage: Stage = Stage.IDLE
    claim: Claim | None = None
    locked: Sequence[Slice] = ()
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def taken(self) -> Claim:
        assert self.claim is not None
        return self.claim


def any_at(*stages: Stage) -> Callable[[QueueMachine], bool]:
    return lambda machine: any(hand.stage in stages for hand in machine.hands)


def any_batch(machine: QueueMachine) -> bool:
    return bool(machine.model.batches)


def any_in(status: str) -> Callable[[QueueMachine], bool]:
    return lambda machine: any(batch.status == status for batch in machine.model.batches.values())


def has_room(machine: QueueMachine) -> bool:
    """Few open batches, so that much happens to each."""
    return sum(batch.status in ("pending", "processing") for batch in machine.model.batches.values()) < 3


def may_claim(machine: QueueMachine) -> bool:
    """Whether somebody is idle while there are slices, though others may hold them."""
    return any_at(Stage.IDLE)(machine) and bool(machine.model.slices)


class QueueMachine(RuleBasedStateMachine):
    """Workers and PHP, each in a session of its own, driven by one thread: who would wait for a lock gives up soon."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.php = self.connect()
        self.model = Model()
        self.started = 0
        self.hands: list[Hand] = []

    def connect(self) -> psycopg.Connection:
        conn = self.database.connect()
        conn.execute("SET lock_timeout = '10ms'")
        return conn

    @initialize(slice_size=st.sampled_from([1, 2, 3, 100]), given=st.lists(usual, min_size=2, max_size=3))
    def begin(self, slice_size: int, given: Sequence[object]) -> None:
        self.php.execute(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")  # type: ignore[call-overload]
        self.model.products = set(shop(self.php, products=len(KNOWN)))
        self.slice_size, self.tiny = slice_size, max(1, slice_size // 50)
        self.queue: Queue = make_queue(slice_size, IN_NO_HURRY)
        self.hands = [self.hire() for _ in range(3)]
        for product_ids in given:
            self.insert(given=product_ids, priority=0)
        self.plan(limit=200)

    def hire(self) -> Hand:
        self.started += 1
        return Hand(self.connect(), ModelWorker(f"worker {self.started}"))

    # Who and what a step is about.

    def hand(self, stage: Stage, pick: int) -> Hand:
        found = [hand for hand in self.hands if hand.stage is stage]
        return found[pick % len(found)]

    def batch(self, pick: int) -> ModelBatch:
        return list(self.model.batches.values())[pick % len(self.model.batches)]

    def is_written(self, batch: ModelBatch) -> bool:
        """Whether a worker has counted items of it and not yet committed."""
        return any(hand.model.writes_batch(batch.id) for hand in self.hands)

    def attempt(self, act: Callable[[], object], *, waits: bool) -> bool:
        """Do it, unless a worker is in the way; it is exactly when the model says so."""
        if not waits:
            act()
            return True
        with pytest.raises(errors.LockNotAvailable):
            act()
        return False

    # PHP.

    @precondition(has_room)
    @rule(given=lists, priority=st.sampled_from([0, 0, 0, 1]))
    def insert(self, given: object, priority: int) -> None:
        row = self.php.execute(
            "INSERT INTO categorization_batches (product_ids, priority) VALUES (%s, %s) RETURNING id",
            (None if given is None else Jsonb(given), priority),
        ).fetchone()
        assert row is not None
        self.model.batches[row[0]] = ModelBatch(row[0], given, priority)

    def update(self, batch: ModelBatch, assignment: str) -> bool:
        query = f"UPDATE categorization_batches SET {assignment} WHERE id = {batch.id}"  # noqa: S608
        return self.attempt(lambda: self.php.execute(query), waits=self.is_written(batch))  # type: ignore[call-overload]

    @precondition(any_batch)
    @rule(pick=picks, retry_count=st.sampled_from(["retry_count + 1", "retry_count + 1", "-5"]))
    def php_sets_back(self, pick: int, retry_count: str) -> None:
        batch = self.batch(pick)
        if self.update(batch, f"status = 'pending', retry_count = {retry_count}"):
            batch.retries = -5 if retry_count == "-5" else batch.retries + 1
            batch.order("pending")

    @precondition(any_batch)
    @rule(pick=picks)
    def php_sets_back_and_it_is_planned(self, pick: int) -> None:
        self.php_sets_back(pick=pick, retry_count="retry_count + 1")
        self.plan(limit=200)

    @precondition(any_batch)
    @rule(pick=picks, status=st.sampled_from(["cancelled", "processing"]))
    def php_sets_status(self, pick: int, status: str) -> None:
        batch = self.batch(pick)
        if self.update(batch, f"status = '{status}'"):
            batch.order(status)

    @precondition(any_batch)
    @rule(pick=picks, total=st.sampled_from([0, 1, 700]), priority=st.sampled_from([0, 1]))
    def php_writes_total_and_priority(self, pick: int, total: int, priority: int) -> None:
        batch = self.batch(pick)
        if self.update(batch, f"total_products = {total}, priority = {priority}, created_by = 7"):
            batch.total, batch.priority = total, priority

    @precondition(any_batch)
    @rule(pick=picks)
    def php_deletes_a_batch(self, pick: int) -> None:
        batch = self.batch(pick)
        waits = any(hand.model.keeps_batch(batch.id) for hand in self.hands)
        query = "DELETE FROM categorization_batches WHERE id = %s"
        if self.attempt(lambda: self.php.execute(query, (batch.id,)), waits=waits):
            self.model.deleted[batch.id] = self.model.batches.pop(batch.id)

    @precondition(lambda machine: machine.model.products)
    @rule(product_id=st.sampled_from(KNOWN))
    def php_deletes_a_product(self, product_id: int) -> None:
        waits = any(hand.model.keeps_product(product_id) for hand in self.hands)
        query = "DELETE FROM products WHERE id = %s"
        if self.attempt(lambda: self.php.execute(query, (product_id,)), waits=waits):
            self.model.products.discard(product_id)
            for batch in self.model.batches.values():
                batch.vanished |= batch.results & {product_id}
                batch.results.discard(product_id)

    @precondition(any_batch)
    @rule(pick=picks)
    def somebody_deletes_free_slices(self, pick: int) -> None:
        free = [slice for slice in self.model.of_batches([self.batch(pick).id]) if slice.holder is None]
        self.php.execute("DELETE FROM batch_slices WHERE id = ANY(%s)", ([slice.id for slice in free],))
        self.model.drop(free)

    # An operator.

    @precondition(any_batch)
    @rule(pick=picks)
    def operator_cancels(self, pick: int) -> None:
        batch = self.batch(pick)
        makes_sense = batch.status in ("pending", "processing")
        if self.order(lambda: self.queue.cancel(self.php, batch.id), batch, "cancelled", makes_sense=makes_sense):
            batch.retries = max(0, batch.retries)

    @precondition(any_batch)
    @rule(pick=picks)
    def operator_retries(self, pick: int) -> None:
        batch = self.batch(pick)
        makes_sense = batch.status in FINAL and max(0, batch.retries) < 2
        if self.order(lambda: self.queue.retry(self.php, batch.id), batch, "pending", makes_sense=makes_sense):
            batch.retries = max(0, batch.retries) + 1

    def order(self, give: Callable[[], bool], batch: ModelBatch, status: str, *, makes_sense: bool) -> bool:
        given: list[bool] = []
        if self.attempt(lambda: given.append(give()), waits=makes_sense and self.is_written(batch)):
            assert given == [makes_sense]
            if makes_sense:
                batch.order(status)
                return True
        return False

    # The daemon.

    @precondition(any_in("pending"))
    @rule(limit=st.sampled_from([1, 200]))
    def plan(self, limit: int) -> None:
        pending = [batch for batch in self.model.batches.values() if batch.status == "pending"]
        locked = [batch for batch in pending if not self.is_written(batch)][:limit]
        held = {slice.batch_id for slice in self.model.slices.values() if slice.holder}
        self.model.drop(
            slice for slice in self.model.of_batches({batch.id for batch in locked}) if slice.holder is None
        )
        ready = [batch for batch in locked if batch.id not in held]
        left = {batch.id: batch.plan() for batch in ready}
        self.expect_planned(self.queue.plan(self.php, limit), ready)
        self.take_new_slices(left)

    def expect_planned(self, planned: Sequence[Planned], batches: Sequence[ModelBatch]) -> None:
        assert [(one.id, one.status, one.items, one.success, one.errors, one.retry_count) for one in planned] == [
            (batch.id, batch.status, batch.total, batch.success, batch.error, batch.retries) for batch in batches
        ]
        for one in planned:
            assert bool(one.error_message) == (one.status == "failed")

    def take_new_slices(self, left: dict[int, set[int]], attempts: int = 0) -> None:
        """The slices that were cut now hold exactly what is left, and none is too big."""
        query = "SELECT id, batch_id, priority, turn, items FROM batch_slices WHERE batch_id = ANY(%s)"
        found = [
            ModelSlice(*row[:4], tuple(row[4]), attempts)
            for row in self.php.execute(query, (list(left),))
            if row[0] not in self.model.slices
        ]
        for batch_id, todo in left.items():
            own = [slice for slice in found if slice.batch_id == batch_id]
            assert sorted(item for slice in own for item in slice.items) == sorted(todo)
            assert all(0 < len(slice.items) <= self.slice_size for slice in own)
            assert attempts or {slice.priority for slice in own} <= {self.model.batches[batch_id].priority}
        self.model.slices |= {slice.id: slice for slice in found}

    @precondition(any_in("processing"))
    @rule()
    def adopt_orphans(self) -> None:
        orphans = self.model.orphans()
        assert sorted(self.queue.adopt_orphans(self.php)) == [batch.id for batch in orphans]
        for batch in orphans:
            batch.order("pending")

    # Workers, step by step.

    @precondition(may_claim)
    @rule(pick=picks, is_aged=st.booleans())
    def claim(self, pick: int, is_aged: bool) -> None:
        """A claim that is aged looks like that of a dead worker, unless it is locked."""
        hand = self.hand(Stage.IDLE, pick)
        expected = self.model.next_claim(self.slice_size, self.tiny)
        hand.claim = self.queue.claim(hand.conn, hand.model.name)
        for slice in expected:
            slice.attempts += 1
            slice.claimed_by, slice.is_aged = hand.model.name, False
        found = [(one.id, one.attempts) for one in hand.claim.slices] if hand.claim else []
        assert found == sorted((slice.id, slice.attempts) for slice in expected)
        if hand.claim:
            hand.stage = Stage.CLAIMED
        if is_aged:
            self.age(expected)

    @precondition(any_at(Stage.CLAIMED))
    @rule(pick=picks)
    def claims_grow_old(self, pick: int) -> None:
        name = self.hand(Stage.CLAIMED, pick).model.name
        self.age([one for one in self.model.slices.values() if one.claimed_by == name and one.holder is None])

    def age(self, claimed: Sequence[ModelSlice]) -> None:
        age_claims(self.php, OUT_OF_GRACE_S, [slice.id for slice in claimed])
        for slice in claimed:
            slice.is_aged = True

    @precondition(any_at(Stage.CLAIMED))
    @rule(pick=picks)
    def lock(self, pick: int) -> None:
        hand = self.hand(Stage.CLAIMED, pick)
        own = [self.model.slices[id] for id in hand.taken.slice_ids if id in self.model.slices]
        found = [slice for slice in own if slice.claimed_by == hand.model.name and slice.holder is None]
        working = {batch.id for batch in self.model.batches.values() if batch.status == "processing"}
        unwanted = {slice.batch_id for slice in found} - working
        hand.model.locked = [slice for slice in found if slice.batch_id in working]
        hand.model.dropped = [slice for slice in self.model.of_batches(unwanted) if slice.holder is None]
        for slice in (*hand.model.locked, *hand.model.dropped):
            slice.holder = hand.model
        hand.conn.execute("BEGIN")
        hand.locked = self.queue.lock(hand.conn, hand.taken)
        assert [slice.id for slice in hand.locked] == [slice.id for slice in hand.model.locked]
        hand.stage = Stage.LOCKED if hand.locked else Stage.READY

    @precondition(any_at(Stage.LOCKED))
    @rule(pick=picks, refused=st.sets(st.sampled_from((*KNOWN, 98)), max_size=3))
    def treat(self, pick: int, refused: set[int]) -> None:
        """Predict some items, and find fault with the others."""
        hand = self.hand(Stage.LOCKED, pick)
        items = [Item(slice.batch_id, item) for slice in hand.locked for item in slice.items]
        todo = [item for item in items if item.id not in refused]
        known = [item for item in todo if item.id in self.model.products]
        if any(item.batch_id not in self.model.batches for item in known):
            with pytest.raises(errors.ForeignKeyViolation):
                RecordingWorkload().process(hand.conn, todo)
            self.end(hand, b"ROLLBACK", Stage.CLAIMED)
            return
        hand.outcomes = [*RecordingWorkload().process(hand.conn, todo)]
        hand.outcomes += [Outcome.failed(item, "refused", "no") for item in items if item.id in refused]
        for outcome in hand.outcomes:
            item = outcome.item
            if outcome.code is None:
                hand.model.done.setdefault(item.batch_id, set()).add(item.id)
            else:
                hand.model.failed.setdefault(item.batch_id, []).append((item.id, outcome.code))
        hand.stage = Stage.TREATED

    @precondition(any_at(Stage.TREATED))
    @rule(pick=picks)
    def settle(self, pick: int) -> None:
        hand = self.hand(Stage.TREATED, pick)
        is_deleted = any(id not in self.model.batches for id in hand.model.batch_ids)
        others = [other.model for other in self.hands if other is not hand]
        waits = any(other.writes_batch(id) for other in others for id in hand.model.batch_ids)
        if is_deleted or waits:
            with pytest.raises(errors.ForeignKeyViolation if is_deleted else errors.LockNotAvailable):
                self.queue.settle(hand.conn, hand.locked, hand.outcomes)
            self.end(hand, b"ROLLBACK", Stage.CLAIMED)
            return
        settled = self.queue.settle(hand.conn, hand.locked, hand.outcomes)
        completed = [batch for batch in settled if batch.is_completed]
        hand.model.has_settled = True
        hand.stage = Stage.READY
        assert [one.id for one in completed] == [id for id in sorted(hand.model.batch_ids) if self.is_last(hand, id)]

    def is_last(self, hand: Hand, batch_id: int) -> bool:
        batch = self.model.batches[batch_id]
        own = len(hand.model.done.get(batch_id, ())) + len(hand.model.failed.get(batch_id, ()))
        return batch.status == "processing" and batch.remaining == own

    @precondition(any_at(Stage.LOCKED))
    @rule(pick=picks)
    def split(self, pick: int) -> None:
        hand = self.hand(Stage.LOCKED, pick)
        if len(hand.locked) == 1 and len(hand.locked[0].items) > 1:
            self.queue.split(hand.conn, hand.locked[0])
            hand.model.has_split = True
            hand.stage = Stage.READY

    @precondition(any_at(Stage.READY))
    @rule(pick=picks)
    def commit(self, pick: int) -> None:
        hand = self.hand(Stage.READY, pick)
        split = {slice.batch_id: set(slice.items) for slice in hand.model.locked if hand.model.has_split}
        self.model.commit(hand.model)
        self.end(hand, b"COMMIT", Stage.IDLE)
        if split:
            self.take_new_slices(split, attempts=1)

    @precondition(any_at(Stage.LOCKED, Stage.TREATED, Stage.READY))
    @rule(pick=picks)
    def roll_back(self, pick: int) -> None:
        open_ones = [hand for hand in self.hands if hand.stage in (Stage.LOCKED, Stage.TREATED, Stage.READY)]
        self.end(open_ones[pick % len(open_ones)], b"ROLLBACK", Stage.CLAIMED)

    def end(self, hand: Hand, how: bytes, stage: Stage) -> None:
        hand.conn.execute(how)
        hand.model.let_go()
        hand.locked, hand.outcomes, hand.stage = (), [], stage

    @precondition(any_at(Stage.CLAIMED))
    @rule(pick=picks, is_put_off=st.booleans())
    def release(self, pick: int, is_put_off: bool) -> None:
        hand = self.hand(Stage.CLAIMED, pick)
        self.queue.release(hand.conn, hand.taken, timedelta(minutes=4 if is_put_off else 0))
        for id in hand.taken.slice_ids:
            slice = self.model.slices.get(id)
            if slice and slice.claimed_by == hand.model.name and slice.holder is None:
                slice.claimed_by, slice.is_aged = None, False
                slice.was_released, slice.is_put_off = True, is_put_off
                slice.attempts -= 1
        hand.stage = Stage.IDLE

    @precondition(lambda machine: any(slice.is_put_off for slice in machine.model.slices.values()))
    @rule()
    def time_passes(self) -> None:
        """What was put off is due."""
        due = [slice for slice in self.model.slices.values() if slice.is_put_off and slice.holder is None]
        query = "UPDATE batch_slices SET run_after = now() - interval '1 second' WHERE id = ANY(%s)"
        self.php.execute(query, ([slice.id for slice in due],))
        for slice in due:
            slice.is_put_off = False

    @precondition(any_at(Stage.CLAIMED, Stage.LOCKED, Stage.TREATED, Stage.READY))
    @rule(pick=picks)
    def die(self, pick: int) -> None:
        """The session ends, with whatever it had; its claim is never given back."""
        busy = [hand for hand in self.hands if hand.stage is not Stage.IDLE]
        hand = busy[pick % len(busy)]
        pid = hand.conn.info.backend_pid
        hand.conn.close()
        is_there = "SELECT FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: self.php.execute(is_there, (pid,)).fetchone() is None)
        hand.model.let_go()
        self.hands[self.hands.index(hand)] = self.hire()

    @precondition(may_claim)
    @rule(pick=picks, is_aged=st.booleans(), refused=st.sets(st.sampled_from(KNOWN), max_size=1), meddling=meddlings)
    def work(self, pick: int, is_aged: bool, refused: set[int], meddling: Sequence[tuple[Stage, str]]) -> None:
        """A worker gets from claim to commit in one go, while others do this and that to the slice's batch."""
        hand = self.hand(Stage.IDLE, pick)
        self.hands = [hand, *(other for other in self.hands if other is not hand)]  # the first pick of any stage
        self.claim(pick=0, is_aged=is_aged)
        steps: dict[Stage, Callable[[], None]] = {
            Stage.CLAIMED: lambda: self.lock(pick=0),
            Stage.LOCKED: lambda: self.treat(pick=0, refused=refused),
            Stage.TREATED: lambda: self.settle(pick=0),
            Stage.READY: lambda: self.commit(pick=0),
        }
        for stage, step in steps.items():
            if hand.stage is stage:
                for when, what in meddling:
                    if when is stage:
                        self.meddle(hand.taken.slices[0].batch_id, what)
                step()

    @precondition(may_claim)
    @rule(pick=picks, times=st.integers(2, 4), refused=st.sets(st.sampled_from(KNOWN), max_size=1))
    def work_on(self, pick: int, times: int, refused: set[int]) -> None:
        """Several slices in a row, as far as nobody is in the way."""
        for _ in range(times):
            if any_at(Stage.IDLE)(self):
                self.work(pick=pick, is_aged=False, refused=refused, meddling=())

    def meddle(self, batch_id: int, what: str) -> None:
        if what == "claim" and any_at(Stage.IDLE)(self):
            self.claim(pick=0, is_aged=False)
        if what == "plan":
            self.plan(limit=200)
        if batch_id in self.model.batches:
            pick = list(self.model.batches).index(batch_id)
            match what:
                case "set back":
                    self.php_sets_back(pick=pick, retry_count="retry_count + 1")
                case "cancel":
                    self.php_sets_status(pick=pick, status="cancelled")
                case "delete":
                    self.php_deletes_a_batch(pick=pick)
                case "total":
                    self.php_writes_total_and_priority(pick=pick, total=1, priority=0)

    # What must hold after each step.

    @invariant()
    def batches_and_slices_are_as_they_must_be(self) -> None:
        batches = self.php.execute(
            "SELECT id, status, total_products, success_products, error_products, remaining_products, retry_count"
            " FROM categorization_batches ORDER BY id"
        ).fetchall()
        assert batches == [
            (one.id, one.status, one.total, one.success, one.error, one.remaining, one.retries)
            for one in self.model.batches.values()
        ]
        slices = self.php.execute(
            "SELECT id, batch_id, attempts, claimed_by, items FROM batch_slices ORDER BY id"
        ).fetchall()
        assert slices == [
            (one.id, one.batch_id, one.attempts, one.claimed_by, [*one.items])
            for _, one in sorted(self.model.slices.items())
        ]

    @invariant()
    def counters_are_true_and_no_item_has_two_outcomes(self) -> None:
        results = self.outcomes("SELECT batch_id, product_id FROM predictions")
        failed = self.outcomes("SELECT batch_id, item FROM categorization_errors")
        counters = self.php.execute(
            "SELECT id, processed_products, success_products, error_products FROM categorization_batches"
        )
        for batch_id, processed, success, error in counters:
            batch = self.model.batches[batch_id]
            assert processed == success + error
            assert success == len(results.get(batch_id, [])) + len(batch.vanished)
            assert error == len(failed.get(batch_id, []))
            outcomes = [*results.get(batch_id, []), *failed.get(batch_id, [])]
            waiting = [json.dumps(item) for one in self.model.of_batches([batch_id]) for item in one.items]
            once = [*outcomes, *waiting, *(json.dumps(item) for item in batch.lost | batch.vanished)]
            if batch.status == "processing" and batch.remaining is not None:
                assert set(once) >= {json.dumps(item) for item in batch.good} | batch.bad
            assert len(set(outcomes) | set(waiting)) == len(outcomes) + len(waiting)
        codes = self.php.execute("SELECT batch_id, item, code FROM categorization_errors")
        assert Counter((row[0], json.dumps(row[1], sort_keys=True), row[2]) for row in codes) == Counter(
            {(one.id, *error): count for one in self.model.batches.values() for error, count in one.errors.items()}
        )

    def outcomes(self, query: str) -> dict[int, list[str]]:
        """By batch: the items that have one, as JSON text."""
        found: dict[int, list[str]] = {}
        for batch_id, item in self.php.execute(query):  # type: ignore[call-overload]
            found.setdefault(batch_id, []).append(json.dumps(item, sort_keys=True))
        return found

    @invariant()
    def every_change_of_state_is_audited(self) -> None:
        found: dict[int, list[tuple[str, str, str]]] = {}
        query = "SELECT entity_id, action, metadata ->> 'from', metadata ->> 'to' FROM audit_log ORDER BY id"
        for batch_id, *change in self.php.execute(query):
            found.setdefault(batch_id, []).append(tuple(change))
        batches = (*self.model.batches.values(), *self.model.deleted.values())
        assert found == {one.id: one.audit for one in batches if one.audit}

    @invariant()
    def the_backlog_tells_what_there_is(self) -> None:
        found = self.queue.backlog(self.php)
        statuses = {batch.status for batch in self.model.batches.values()}
        assert found.to_plan == ("pending" in statuses)
        assert found.to_treat == bool(self.model.slices)
        assert found.processing == ("processing" in statuses)

    # The end.

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None and self.hands:
                self.run_to_the_end()
        finally:
            for conn in (self.php, *(hand.conn for hand in self.hands)):
                conn.close()

    def run_to_the_end(self) -> None:
        """Every worker is gone; one alone, that nothing happens to, brings every batch to its end."""
        for hand in self.hands:
            self.end(hand, b"ROLLBACK", Stage.IDLE)
        self.age([slice for slice in self.model.slices.values() if slice.claimed_by])
        self.time_passes()
        enough = 10 + 2 * len(self.model.batches) + sum(len(batch.good) for batch in self.model.batches.values())
        for _ in range(enough):
            self.plan(limit=200)
            self.work(pick=0, is_aged=False, refused=set(), meddling=())
            backlog = self.queue.backlog(self.php)
            if backlog.processing and not backlog.to_treat:
                self.adopt_orphans()
        assert not self.queue.backlog(self.php).is_open
        self.batches_and_slices_are_as_they_must_be()
        self.counters_are_true_and_no_item_has_two_outcomes()
        self.every_change_of_state_is_audited()
        for batch in self.model.batches.values():
            self.expect_ended(batch)

    def expect_ended(self, batch: ModelBatch) -> None:
        assert batch.status in FINAL
        if batch.status == "completed":
            items = {json.dumps(item) for item in batch.good} | batch.bad
            had = {json.dumps(item) for item in batch.results | batch.vanished} | {item for item, _ in batch.errors}
            assert had == items
            assert batch.processed == len(items)  # PHP may have written the total since
        query = "SELECT completed_at IS NOT NULL FROM categorization_batches WHERE id = %s"
        assert self.php.execute(query, (batch.id,)).fetchone() == (True,)


@pytest.mark.timeout(600 + 3 * EXAMPLES)  # to find the shortest way to a failure takes minutes
def test_whatever_happens_in_whatever_order_nothing_is_lost_and_nothing_done_twice(database: Database) -> None:
    with database.connect() as db:
        for table in TABLES.split(", "):  # a vacuum that cuts a table short would be in the way for a moment
            db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")  # type: ignore[call-overload]
    run_state_machine_as_test(
        lambda: QueueMachine(database),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not IS_LONG,  # the suite is the same at every run; the long run finds what is new
            print_blob=IS_LONG,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
