"""What must hold at every committed moment, watched while the work goes on; and what must hold at its end."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg.rows import class_row, scalar_row

from tests.support.waiting import wait_until

FINAL = {"completed", "failed", "cancelled"}
MOVES = {
    "pending": {"processing", "completed", "failed", "cancelled"},
    "processing": {"completed", "cancelled", "pending"},
    "completed": {"pending"},
    "failed": {"pending"},
    "cancelled": {"pending"},
}
NOT_AN_ID = "not_an_id"  # the error of an entry that planning refuses; every other error is about an id
RECENT = 2000  # predictions, the newest, whose evidence a sample looks for; the end looks at all
LINGERS_S = 20.0  # a session of a process that is dead
ENOUGH = 20  # violations told; more say the same

CHANGED = """
SELECT id
FROM categorization_batches
WHERE (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s))
  AND (status IN ('pending', 'processing') OR NOT id::text || ':' || xmin = ANY(%(known)s))
"""

STANDING = """
SELECT batch.id,
       batch.id || ':' || batch.xmin AS version,
       batch.status,
       batch.started_at,
       total_products AS total,
       processed_products AS processed,
       success_products AS success,
       error_products AS errors,
       (SELECT count(*) FROM predictions WHERE batch_id = batch.id) AS predictions,
       (SELECT count(*) FROM categorization_errors WHERE batch_id = batch.id) AS item_errors,
       (SELECT coalesce(sum(item_count), 0) FROM batch_slices WHERE batch_id = batch.id) AS waiting,
       (SELECT count(*)
        FROM categorization_errors AS error
        JOIN predictions AS prediction
          ON prediction.batch_id = error.batch_id
         AND prediction.product_id = (error.item #>> '{}')::bigint
        WHERE error.batch_id = batch.id
          AND error.code <> 'not_an_id') AS twice,
       (SELECT coalesce(array_agg(ARRAY[metadata ->> 'from', metadata ->> 'to'] ORDER BY id), '{}')
        FROM audit_log
        WHERE entity_type = 'categorization_batch'
          AND entity_id = batch.id) AS moves
FROM categorization_batches AS batch
WHERE id = ANY(%(ids)s)
ORDER BY id
"""

CONNECTED = """
SELECT DISTINCT split_part(application_name, ' ', 2)
FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name LIKE 'catalogd %:%:%'
"""

UNEXPLAINED = """
SELECT id
FROM (SELECT id FROM predictions ORDER BY id DESC LIMIT %(limit)s) AS prediction
WHERE NOT EXISTS (SELECT FROM evidence WHERE evidence.prediction_id = prediction.id)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A batch and what exists of it, at one committed moment."""

    id: int
    version: str
    status: str
    started_at: datetime | None  # set by each planning: it tells the attempts apart
    total: int
    processed: int
    success: int
    errors: int
    predictions: int
    item_errors: int
    waiting: int  # items in slices
    twice: int  # items with a prediction and an error
    moves: Sequence[tuple[str, str]]  # from and to of each entry in the audit log

    def violations(self) -> Iterable[str]:
        """Sentences, one for each invariant that this moment breaks."""
        if self.processed != self.success + self.errors:
            yield f"processed {self.processed} is not success {self.success} + errors {self.errors}"
        if (self.success, self.errors) != (self.predictions, self.item_errors):
            yield (
                f"success {self.success} and errors {self.errors} are counted,"
                f" {self.predictions} predictions and {self.item_errors} item errors exist"
            )
        if self.twice:
            yield f"{self.twice} items have a prediction and an error"
        if self.status == "processing" and self.processed + self.waiting != self.total:
            yield f"{self.processed} processed and {self.waiting} waiting are not the {self.total} there are"
        if self.status == "completed" and self.processed != self.total:
            yield f"completed with {self.processed} of {self.total}"
        yield from self._wrong_moves()

    def _wrong_moves(self) -> Iterable[str]:
        status = "pending"
        for origin, target in self.moves:
            if origin != status:
                yield f"the audit log moves from {origin} where the status was {status}"
            if target not in MOVES.get(origin, ()):
                yield f"the audit log moves from {origin} to {target}"
            status = target
        if status != self.status:
            yield f"the status is {self.status}, the audit log's last word {status}"

    def is_unplanned_since(self, before: Standing) -> bool:
        """Whether all that is gone is that the batch was planned: its commit does not wait for the disk."""
        *earlier, last = before.moves or [("", "")]
        return self.moves == earlier and last[1] == "processing"

    def violations_since(self, before: Standing) -> Iterable[str]:
        """What may not happen between two moments of a batch."""
        if self.moves[: len(before.moves)] != before.moves:
            yield "the audit log was changed"
        if self.started_at == before.started_at:
            for counter in ("processed", "success", "errors"):
                if getattr(self, counter) < getattr(before, counter):
                    yield f"{counter} shrank from {getattr(before, counter)} to {getattr(self, counter)}"


class Observer:
    """Samples the batches given, or all that there are, on a connection of its own until the block ends; then fails
    if a sample broke an invariant. Each sample is one snapshot.

    A server that goes away is waited for; `connect` then opens the connection anew. Batches at their end that do not
    change are not counted again: `assert_all_settled` looks at everything once.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection], *batch_ids: int) -> None:
        self._connect = connect
        self._only = list(batch_ids) or None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer")
        self._last: dict[int, Standing] = {}
        self._error: Exception | None = None
        self.samples = 0
        self._dead: dict[str, float] = {}  # instances that still have a session, and since when they were seen dead
        self._in_doubt: set[int] = set()  # batches that did not change since a connection was lost: a crash, perhaps
        self.interruptions = 0  # connections lost
        self.violations: list[str] = []
        self.moments: Counter[int] = Counter()  # by batch: how many different counts of processed items were seen

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _type: object, failure: BaseException | None, _traceback: object) -> None:
        self._stop.set()
        self._thread.join()
        if failure is not None:
            for violation in self.violations:
                failure.add_note(f"observed: {violation}")
            return
        if self._error is not None:
            raise self._error
        assert not self.violations, "\n".join(self.violations)
        assert self.samples > 0, "nothing was observed"

    def assert_seen_at_work(self, batch_id: int) -> None:
        """Fails when the batch was too quick for an observation of it to mean anything."""
        assert self.moments[batch_id] > 3, f"batch {batch_id} was seen at {self.moments[batch_id]} counts only"

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connect() as conn:
                    self._watch(conn)
            except psycopg.OperationalError:  # the server is away
                self._in_doubt = set(self._last)
                self.interruptions += 1
                self._stop.wait(0.05)
            except Exception as error:  # noqa: BLE001  # told by the thread that waits for this one
                self._error = error
                return

    def _watch(self, conn: psycopg.Connection) -> None:
        conn.autocommit = True
        conn.execute("SET application_name = 'observer'")
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        while not self._stop.is_set():
            began = monotonic()
            with conn.transaction():
                self._sample(conn)
            self._stop.wait(max(0.01, 2 * (monotonic() - began)))  # at most a third of the time is ours

    def _sample(self, conn: psycopg.Connection) -> None:
        known = [standing.version for standing in self._last.values() if standing.status in FINAL]
        with conn.cursor(row_factory=scalar_row) as cursor:
            ids = cursor.execute(CHANGED, {"only": self._only, "known": known}).fetchall()
            unexplained = cursor.execute(UNEXPLAINED, {"limit": RECENT}).fetchall()
            connected = cursor.execute(CONNECTED).fetchall()
        for prediction_id in unexplained:
            self._tell(f"prediction {prediction_id} has no evidence")
        self._dead = {instance: self._dead.get(instance, monotonic()) for instance in connected if is_dead(instance)}
        for instance, since in self._dead.items():
            if monotonic() - since > LINGERS_S:
                self._tell(f"{instance} is dead, and has sessions still")
        for standing in read_standings(conn, ids):
            self._judge(standing)
        self.samples += 1

    def _judge(self, standing: Standing) -> None:
        before = self._last.get(standing.id)
        for violation in standing.violations():
            self._tell(f"batch {standing.id}: {violation}")
        if before is not None:
            is_forgiven = standing.id in self._in_doubt and standing.is_unplanned_since(before)
            for violation in [] if is_forgiven else standing.violations_since(before):
                self._tell(f"batch {standing.id}: {violation}")
            if standing.version != before.version:
                self._in_doubt.discard(standing.id)
        if before is None or before.processed != standing.processed:
            self.moments[standing.id] += 1
        self._last[standing.id] = standing

    def _tell(self, violation: str) -> None:
        if violation not in self.violations and len(self.violations) < ENOUGH:
            self.violations.append(violation)


def is_dead(instance: str) -> bool:
    """Whether the process of this name, on this host, has ended."""
    try:
        os.kill(int(instance.split(":")[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else has the number now
        return True
    return False


def read_standings(db: psycopg.Connection, batch_ids: Sequence[int]) -> list[Standing]:
    """Counted in one statement, so of one moment."""
    with db.cursor(row_factory=class_row(Standing)) as cursor:
        return cursor.execute(STANDING, {"ids": list(batch_ids)}).fetchall()


def assert_all_settled(db: psycopg.Connection, dead: Iterable[str] = (), bound_s: float = 20.0) -> None:
    """The end: every batch of the database has come to its final status, each of its distinct items to exactly one
    outcome (at most one where it was cancelled or failed), and nobody holds anything any more.

    `dead` are the names of instances that were killed or stopped; their sessions must be gone within `bound_s`. `db`
    is in autocommit, and no one else is at work.
    """
    batch_ids = [row[0] for row in db.execute("SELECT id FROM categorization_batches ORDER BY id")]
    for standing in read_standings(db, batch_ids):
        assert standing.status in FINAL, f"batch {standing.id} is {standing.status}"
        broken = list(standing.violations())
        assert not broken, f"batch {standing.id}: {'; '.join(broken)}"
        assert_outcomes(db, standing)
    left = db.execute("SELECT id, batch_id, attempts, claimed_by FROM batch_slices LIMIT 5").fetchall()
    assert not left, f"slices are left: {left}"
    unexplained = db.execute(UNEXPLAINED, {"limit": None}).fetchall()
    assert not unexplained, f"{len(unexplained)} predictions have no evidence"
    assert_no_session_of(db, dead, bound_s)
    assert_nothing_locked(db)


def assert_outcomes(db: psycopg.Connection, standing: Standing) -> None:
    """Each distinct item of the batch has one outcome, told from the list by the rules that PHP is promised."""
    row = db.execute("SELECT product_ids FROM categorization_batches WHERE id = %s", (standing.id,)).fetchone()
    assert row is not None
    wanted = distinct_items(row[0]) if isinstance(row[0], list) else set()
    predicted = db.execute("SELECT product_id FROM predictions WHERE batch_id = %s", (standing.id,)).fetchall()
    refused = db.execute("SELECT item, code FROM categorization_errors WHERE batch_id = %s", (standing.id,)).fetchall()
    outcomes = Counter(str(product_id) for (product_id,) in predicted)
    outcomes += Counter(_text(item) if code == NOT_AN_ID else str(item) for item, code in refused)
    repeated = [item for item, count in outcomes.items() if count > 1]
    assert not repeated, f"batch {standing.id}: several outcomes of {repeated[:5]}"
    assert outcomes.keys() <= wanted, f"batch {standing.id}: outcomes of what is not in it"
    if standing.status == "completed":
        assert wanted == outcomes.keys(), f"batch {standing.id}: {len(wanted - outcomes.keys())} items are lost"


def distinct_items(product_ids: list[Any]) -> set[str]:
    """The items of a list: ids as digits, anything else as its JSON text."""
    return {_text(value) if (number := _as_id(value)) is None else str(number) for value in product_ids}


def _as_id(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def assert_no_session_of(db: psycopg.Connection, instances: Iterable[str], bound_s: float) -> None:
    """No session of these instances is left, nor a lock that such a session would hold."""
    names = [f"catalogd {instance}" for instance in instances]

    def left() -> list[tuple[Any, ...]]:
        return db.execute(
            "SELECT pid, application_name, state, query,"
            "       (SELECT count(*) FROM pg_locks WHERE pg_locks.pid = activity.pid) AS locks"
            " FROM pg_stat_activity AS activity"
            " WHERE EXISTS (SELECT FROM unnest(%s::text[]) AS dead WHERE starts_with(application_name, dead))",
            (names,),
        ).fetchall()

    try:
        wait_until(lambda: not left(), bound_s)
    except AssertionError:
        raise AssertionError(f"sessions of dead instances are left after {bound_s} s: {left()}") from None


def assert_nothing_locked(db: psycopg.Connection) -> None:
    """Every row that catalogd ever locks can be locked at once."""
    for table in ("categorization_batches", "products", "batch_slices"):
        with db.transaction(force_rollback=True):
            row = db.execute(
                f"SELECT (SELECT count(*) FROM {table}),"  # noqa: S608  # the names above
                f" (SELECT count(*) FROM (SELECT FROM {table} FOR UPDATE SKIP LOCKED) AS free)"
            ).fetchone()
        assert row is not None
        assert row[0] == row[1], f"{row[0] - row[1]} rows of {table} are locked"
