"""Imports that are prepared by the courier alone, a step at a time, over the real tables and under a real hold."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from daemon.engine.preparation import HeldBatch, Preparations
from daemon.engine.queue import Queue
from daemon.engine.workload import BatchFailed, NotYet
from daemon.workloads.price_lists import intake
from daemon.workloads.price_lists.courier.courier import Courier, Habits
from daemon.workloads.price_lists.courier.service import Service
from daemon.workloads.price_lists.fetching.addresses import Address
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.pulse import Pulse
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.order import TABLE
from tests.support.database import Database

POLL = timedelta(seconds=5)
PDF = "https://ann:s3cret@files.example/lists/July.PDF?token=abc-def"


def names(host: str, _pulse: Pulse) -> Sequence[Address]:
    """As if there were a net."""
    known = {"files.example": "93.184.216.34", "inside.example": "10.1.2.3", "127.0.0.1": "127.0.0.1"}
    if host not in known:
        raise FetchFailed("host_unknown", f"no address is known for the host {host}", is_transient=True)
    return [ip_address(known[host])]


@dataclass
class Desk:
    """A process that takes imports up one step at a time; another desk is another process."""

    database: Database
    folder: Path
    address: str | None
    habits: Habits = field(default_factory=lambda: Habits(is_default=True, poll=POLL))
    limits: Limits = field(default_factory=Limits)
    name: str = "here"

    def __post_init__(self) -> None:
        self.preparations = Preparations(Queue("price-lists", TABLE, self.name))
        self.shelf = Shelf(self.folder)
        service = Service(self.address, self.limits, names) if self.address else None
        self.courier = Courier(service, self.shelf, self.limits, self.habits, names)
        self.stop = threading.Event()

    def order(self, source_url: str | None = PDF, *, meta: object = None, **columns: Any) -> int:
        """An import of a new supplier, as PHP orders it; those before it are cancelled."""
        columns = {"source_type": "csv", "source_url": source_url} | columns
        with self.database.connect() as conn:
            conn.execute("UPDATE supplier_imports SET status = 'cancelled' WHERE status = 'pending'")
            supplier = conn.execute(
                "INSERT INTO suppliers (name, meta) VALUES (gen_random_uuid()::text, %s) RETURNING id",
                (Jsonb(meta or {}),),
            ).fetchone()
            values = [Jsonb(value) if isinstance(value, dict) else value for value in columns.values()]
            row = conn.execute(
                f"INSERT INTO supplier_imports (supplier_id, {', '.join(columns)})"  # type: ignore[arg-type]  # noqa: S608
                f" VALUES (%s, {', '.join(['%s'] * len(columns))}) RETURNING id",
                (supplier[0], *values),  # type: ignore[index]
            ).fetchone()
        assert row is not None
        import_id: int = row[0]
        return import_id

    def hold(self, import_id: int) -> HeldBatch:
        """Take it up, whenever it is due and whoever holds it."""
        worker = f"{self.name}/p1"
        with self.database.connect() as conn:
            conn.execute(
                "UPDATE batch_preparations SET run_after = NULL, kept_until = NULL WHERE batch_id = %s", (import_id,)
            )
            taken = self.preparations.take(conn, worker)
        assert taken is not None
        assert taken.batch_id == import_id
        return HeldBatch(self.preparations, taken, worker, self.database.connect, self.stop)

    def step(self, import_id: int) -> timedelta | None:
        """What the courier returns, or raises; None when the import's next step is not the courier's. As the engine
        does it, an import that fails is failed, and one that was put off counts its tries."""
        held = self.hold(import_id)
        tries = 0
        try:
            with held.transaction() as conn:
                order = intake.read_order(conn, import_id)
            assert order is not None
            if not self.courier.has_to(order):
                return None
            return self.courier.step(held, order)
        except NotYet:
            tries = held.tries
            raise
        except BatchFailed as failure:
            with self.database.connect() as conn:
                self.preparations.fail(conn, import_id, f"{self.name}/p1", str(failure))
            raise
        finally:
            with self.database.connect() as conn:
                self.preparations.release(conn, import_id, f"{self.name}/p1", tries=tries)

    def go_on(self, import_id: int, steps: int = 50) -> None:
        """Until the result is on the shelf."""
        for _ in range(steps):
            if self.step(import_id) is None:
                return
        raise AssertionError(f"not done after {steps} steps: {self.read(import_id)}")

    def retry(self, import_id: int) -> None:
        """As PHP does."""
        with self.database.connect() as conn:
            conn.execute(
                "UPDATE supplier_imports SET status = 'pending', retry_count = retry_count + 1 WHERE id = %s",
                (import_id,),
            )

    def read(self, import_id: int) -> dict[str, Any]:
        """Its row."""
        with self.database.connect() as conn:
            row = conn.execute(
                "SELECT to_jsonb(import) FROM supplier_imports AS import WHERE id = %s", (import_id,)
            ).fetchone()
        assert row is not None
        found: dict[str, Any] = row[0]
        return found

    def place(self, import_id: int) -> tuple[str, int]:
        """Phase and percentage, as PHP sees them."""
        row = self.read(import_id)
        return row["phase"], row["phase_percent"]

    def pass_time(self, import_id: int, minutes: float) -> None:
        """Without progress."""
        with self.database.connect() as conn:
            conn.execute(
                "UPDATE supplier_imports SET ml_job = ml_job || jsonb_build_object('advanced_at',"
                " (ml_job ->> 'advanced_at')::timestamptz - make_interval(secs => %s)) WHERE id = %s",
                (60 * minutes, import_id),
            )
