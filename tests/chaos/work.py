"""Instances at work, and the proof that a fault has cost nothing."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Self

import psycopg

from tests.chaos.observer import Observer, assert_all_settled
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd, Process
from tests.support.roles import runtime_dsn
from tests.support.waiting import wait_until


class Work:
    """Instances that share batches, watched throughout. `dsn` is their way to the database, if not the straight one of
    the runtime role, and `prefix` a command that runs them."""

    def __init__(
        self,
        database: Database,
        instances: int = 1,
        products: int = 6_000,
        dsn: str | None = None,
        prefix: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.database = database
        self.batches: dict[int, Sequence[int]] = {}
        self.processes: list[Process] = []
        self._instances = instances
        self._products = products
        self._runner = Catalogd(dsn or runtime_dsn(database), prefix, **environment)
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with self.database.connect() as db:
            self.product_ids = shop(db, self._products)
        self._resources.enter_context(Observer(self.database.connect))
        self._resources.callback(self._runner.close)
        with ExitStack() as undone:
            undone.push(self._resources)
            for _ in range(self._instances):
                self.start_another()
            for process in self.processes:
                process.wait_for("daemon.started", timeout_s=120)
            undone.pop_all()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._resources.__exit__(*exc_info)

    def start_another(self) -> None:
        self.processes.append(self._runner.start(ready=False))

    @property
    def process(self) -> Process:
        """The only instance."""
        (only,) = self.processes
        return only

    def insert(self, product_ids: Sequence[int] | None = None) -> int:
        """A batch of these products, or of all; returns its id."""
        items = self.product_ids if product_ids is None else product_ids
        with self.database.connect() as db:
            batch_id = batch(db, items)
        self.batches[batch_id] = items
        return batch_id

    def processed(self) -> int:
        """Products that are treated, in all batches."""
        with self.database.connect() as db:
            row = db.execute("SELECT sum(processed_products) FROM categorization_batches").fetchone()
        assert row is not None
        return int(row[0] or 0)

    def wait_for_progress(self, timeout_s: float = 60.0) -> None:
        """Until one more slice is committed, or nothing is left to do."""
        before = self.processed()
        wait_until(lambda: self.processed() > before or not self.is_open(), timeout_s)

    def tried_again(self) -> list[int]:
        """The slices that wait, or are in hand, though they were tried before."""
        with self.database.connect() as db:
            return [row[0] for row in db.execute("SELECT id FROM batch_slices WHERE attempts > 1")]

    def events(self, name: str) -> list[dict[str, object]]:
        """What all instances have announced by this name."""
        return [event for process in self.processes for event in list(process.events) if event["event"] == name]

    def is_open(self) -> bool:
        """Whether a batch is not at its end."""
        with self.database.connect() as db:
            row = db.execute(
                "SELECT count(*) FROM categorization_batches WHERE status IN ('pending', 'processing')"
            ).fetchone()
        return row != (0,)

    def complete(self, timeout_s: float = 120.0) -> None:
        """Until every batch is at its end."""
        wait_until(lambda: not self.is_open(), timeout_s)

    def assert_unharmed(self, attempts: int = 1) -> None:
        """Every product has its one prediction, no item is in error, no attempt was used up, and all that the test did
        not kill stop cleanly. With several instances one attempt may be: a peer takes a claim whose instance is cut
        off from the server for a moment."""
        attempts += len(self.processes) > 1
        with self.database.connect() as db:
            for batch_id, product_ids in self.batches.items():
                assert_settled(db, batch_id, product_ids)
            assert_all_settled(db)
        counted = [int(str(event["attempt"])) for event in self.events("slice.recovered")]
        assert max(counted, default=1) <= attempts, self._story()
        living = [process for process in self.processes if process.popen.poll() != -signal.SIGKILL]
        assert [process.stop() for process in living] == [0] * len(living)

    def _story(self) -> str:
        """What all instances have told, one after the other."""
        return "\n".join(json.dumps(event) for process in self.processes for event in process.events)


def end_sessions(db: psycopg.Connection, application: str = "catalogd %") -> int:
    """Terminate sessions by their application name, as an operator does; returns how many."""
    rows = db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE %s AND pid <> pg_backend_pid()",
        (application,),
    )
    return len(rows.fetchall())


def count_sessions(db: psycopg.Connection) -> int:
    """Sessions of catalogd in this database."""
    row = db.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'catalogd %'"
    ).fetchone()
    assert row is not None
    return int(row[0])
