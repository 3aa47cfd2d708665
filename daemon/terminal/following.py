"""Follows one batch to its end: what happens to it, as it happens, each thing once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Event as Clock
from time import monotonic
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from daemon.batches.batch import LARGEST_ID, OPEN
from daemon.batches.fleet import is_anyone_at_work
from daemon.database.statements import statement
from daemon.engine.status import BatchStatus
from daemon.errors import DaemonError
from daemon.terminal.fleet import NOBODY
from daemon.terminal.lifeline import Lifeline
from daemon.workloads.kind import Kind

LOOK_EVERY_S = 0.6
PATIENCE_S = 10.0  # nothing moves: is anyone at work?
PAGE = 500  # errors, as in sql/follow_batch.sql
REMEMBERED = 100_000  # errors whose numbers are kept
NO_ENTRIES = "the audit log is not shown to this role: catalogd_operator may read it"


@dataclass(frozen=True, slots=True)
class Stand:
    """A batch at one moment; `new_errors` and `entries` are rows as JSON arrays."""

    status: str
    total: int
    processed: int
    success: int
    errors: int
    error_message: str | None
    retry_count: int
    run_s: float | None
    new_errors: list[list[Any]]
    entries: list[list[Any]]

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class Entry(NamedTuple):
    """An audit entry."""

    id: int
    action: str
    actor: str
    metadata: Any
    created_at: str | None


class Failed(NamedTuple):
    """An item error."""

    id: int
    item: str
    code: str
    message: str
    details: Any
    created_at: str | None = None


class Progress(NamedTuple):
    status: str
    total: int
    processed: int
    success: int
    errors: int
    run_s: float | None
    was_set_back: bool = False  # then some of it was done before it was started


class Ended(NamedTuple):
    status: str
    total: int
    processed: int
    success: int
    errors: int
    run_s: float | None
    error_message: str | None

    @property
    def is_completed(self) -> bool:
        return self.status == BatchStatus.COMPLETED


class Gone(NamedTuple):
    """The batch was deleted meanwhile, or was never there."""


Event = Entry | Failed | Progress | Ended | Gone


class Telling(Protocol):
    """Writes down what happens."""

    def tell(self, event: Event) -> None: ...

    def trouble(self, sentence: str) -> None:
        """What does not concern the batch itself."""


def follow(
    follower: "Follower", lifeline: Lifeline, telling: Telling, explain: Callable[[Exception], str], pause: Clock
) -> bool:
    """Look until the batch has ended; returns whether it is completed. A database that is away is waited for, a right
    that is missing is not: raises `psycopg.errors.InsufficientPrivilege`."""
    moved_at, is_away, is_alone = monotonic(), False, False
    while True:
        try:
            with lifeline.connection() as conn:
                if is_away:
                    telling.trouble("the database is back")
                is_away = False
                if follower.finds_log_closed(conn):
                    telling.trouble(NO_ENTRIES)
                for event in follower.look(conn):
                    telling.tell(event)
                    moved_at, is_alone = monotonic(), False
                    if isinstance(event, Ended | Gone):
                        return isinstance(event, Ended) and event.is_completed
                if not is_alone and monotonic() - moved_at > PATIENCE_S:
                    moved_at, is_alone = monotonic(), not is_anyone_at_work(conn)
                    if is_alone:
                        telling.trouble(NOBODY)
        except psycopg.errors.InsufficientPrivilege:
            raise
        except (psycopg.Error, DaemonError) as error:
            if not is_away:
                telling.trouble(f"{explain(error)}; trying again")
            is_away = True
        pause.wait(LOOK_EVERY_S)


class Follower:
    """Tells what is new at each look. One statement a look; another at once while errors are left to be told.

    Two workers may commit errors in another order than that of their numbers. What was passed over by that is missed
    in the count, which is of the same snapshot, and then the errors are read from their beginning again.
    """

    def __init__(self, kind: Kind, batch_id: int) -> None:
        self._kind = kind
        self._batch_id = batch_id
        self._after = 0
        self._told: set[int] = set()  # errors
        self._searched_at = -1  # the count at which what was passed over was looked for in vain
        self._entries: set[int] = set()
        self._before: Progress | None = None
        self._log: str | None = None  # where audit entries are read: the table, or nowhere

    def finds_log_closed(self, conn: Connection) -> bool:
        """Whether this role may not read the audit log; told at the first look only."""
        if self._log is not None:
            return False
        (may_read,) = conn.execute(statement("daemon.terminal", "may_read_log")).fetchone() or (False,)
        self._log = "audit_log" if may_read else "no_log"
        return not may_read

    def look(self, conn: Connection) -> Iterator[Event]:
        """What happened since; ends with Ended or Gone when there is nothing more to come."""
        while True:
            stand = self._read(conn)
            if stand is None:
                yield Gone()
                return
            last = [] if stand.is_open else [row for row in stand.entries[-1:] if row[1] == stand.status]
            yield from self._entries_of(stand.entries[: -len(last) or None])
            counts = stand.status, stand.total, stand.processed, stand.success, stand.errors, stand.run_s
            progress = Progress(*counts, stand.retry_count > 0)
            if stand.is_open and self._is_news(progress):
                self._before = progress
                yield progress
            yield from self._errors_of(stand)
            if len(stand.new_errors) == PAGE or self._turns_back(stand):
                continue
            yield from self._entries_of(last)  # that it ended, after what is in error
            if not stand.is_open:
                yield Ended(*counts, stand.error_message)
            return

    def _read(self, conn: Connection) -> Stand | None:
        if not 0 <= self._batch_id <= LARGEST_ID:
            return None
        table = self._kind.table
        parameters: Mapping[str, object] = {"batch_id": self._batch_id, "after": self._after, "entity": table.entity}
        with conn.cursor(row_factory=class_row(Stand)) as cursor:
            query = statement("daemon.terminal", "follow_batch", log=self._log or "audit_log", **table.identifiers)
            return cursor.execute(query, parameters).fetchone()

    def _is_news(self, progress: Progress) -> bool:
        return self._before is None or self._before[:5] != progress[:5]

    def _entries_of(self, rows: list[list[Any]]) -> Iterator[Entry]:
        for row in rows:
            entry = Entry(*row)
            if entry.id not in self._entries:
                self._entries.add(entry.id)
                if entry.action in ("retried", "planned"):  # what was in error before is forgotten
                    self._after, self._searched_at = 0, -1
                    self._told.clear()
                yield entry

    def _errors_of(self, stand: Stand) -> Iterator[Failed]:
        for row in stand.new_errors:
            failed = Failed(*row)
            self._after = failed.id
            if failed.id not in self._told:
                self._told.add(failed.id)
                yield failed

    def _turns_back(self, stand: Stand) -> bool:
        missed = stand.errors - len(self._told)
        if missed <= 0 or stand.errors == self._searched_at or stand.errors > REMEMBERED:
            return False
        self._after, self._searched_at = 0, stand.errors
        return True
