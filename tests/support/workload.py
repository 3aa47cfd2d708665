"""A workload that records what it is given and writes one prediction per item, over the real tables."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from psycopg import Connection

from daemon.engine.workload import Duty, Ended, Figure, Hold, Item, Outcome
from daemon.workloads.categorization.workload import TABLE

Hook = Callable[[Connection, Sequence[Item]], None]
Farewell = Callable[[Connection, Sequence[Ended]], None]


class RecordingWorkload:
    """`before` is called first of all: it may raise, block on a lock, or wait for the test. So may `at_the_end`, when
    batches have ended; `told` are these."""

    name = "categorization"
    workers = 2
    preparers = 0

    def __init__(
        self,
        slice_size: int = 500,
        before: Hook | None = None,
        preparing: Callable[[Hold], timedelta | None] | None = None,
    ) -> None:
        self.table = replace(TABLE, slice_size=slice_size, is_prepared=preparing is not None)
        self.preparing = preparing
        self.calls: list[list[Item]] = []
        self.told: list[Ended] = []
        self.before = before or (lambda _conn, _items: None)
        self.at_the_end: Farewell = lambda _conn, _batches: None

    def prepare(self, hold: Hold) -> timedelta | None:
        assert self.preparing is not None
        return self.preparing(hold)

    def process(self, conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        self.calls.append(list(items))
        self.before(conn, items)
        rows = conn.execute(
            "INSERT INTO predictions (batch_id, product_id, suggested_category_code)"
            " SELECT batch_id, product_id, 'recorded'"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS item (batch_id, product_id)"
            " JOIN products ON products.id = product_id"
            " RETURNING batch_id, product_id",
            ([item.batch_id for item in items], [item.id for item in items]),
        ).fetchall()
        known = {Item(*row) for row in rows}
        return [
            Outcome.done(item) if item in known else Outcome.failed(item, "unknown_product", "no such product")
            for item in items
        ]

    def ended(self, conn: Connection, batches: Sequence[Ended]) -> None:
        self.told += batches
        self.at_the_end(conn, batches)

    def duties(self) -> Sequence[Duty]:
        return ()

    def figures(self, _conn: Connection) -> Sequence[Figure]:
        return ()


class Gate:
    """A hook that holds the first call until the test opens it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self, _conn: Connection, _items: Sequence[Item]) -> None:
        if not self.reached.is_set():
            self.reached.set()
            assert self._opened.wait(20)

    def open(self) -> None:
        self._opened.set()


def refuse(*ids: int, error: Callable[[], Exception] = lambda: ValueError("cannot treat this")) -> Hook:
    """A hook that raises whenever one of these items is among those given."""

    def hook(_conn: Connection, items: Sequence[Item]) -> None:
        if any(item.id in ids for item in items):
            raise error()

    return hook
