"""`catalogd run` with one kind of work: price lists given to the external service. What comes back is not read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta

from psycopg import Connection

from daemon.cli import main
from daemon.engine.workload import BatchFailed, Duty, Ended, Hold, Item, Outcome
from daemon.settings import Settings
from daemon.workloads import registry
from daemon.workloads.price_lists import intake
from daemon.workloads.price_lists.courier.courier import build_courier
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.order import TABLE
from daemon.workloads.price_lists.settings import read_price_list_settings

PROGRAM = "tests.support.courier_daemon"


class CourierAlone:
    """Implements the engine's Workload. An import is ready once its file is on the shelf, and has no lines then."""

    name = "price-lists"
    table = TABLE
    workers = 1
    preparers = 2

    def __init__(self) -> None:
        settings = read_price_list_settings()
        self._courier = build_courier(settings, Shelf(settings.folder))

    def prepare(self, hold: Hold) -> timedelta | None:
        with hold.transaction() as conn:
            order = intake.read_order(conn, hold.batch_id)
        if order is None:
            raise BatchFailed("The import is gone.")
        if self._courier.has_to(order):
            return self._courier.step(hold, order)
        with hold.transaction() as conn:
            conn.execute("UPDATE supplier_imports SET line_numbers = '[]' WHERE id = %s", (hold.batch_id,))
        return None

    def process(self, conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        return [Outcome.done(item) for item in items]

    def ended(self, conn: Connection, batches: Sequence[Ended]) -> None:
        pass

    def duties(self) -> Sequence[Duty]:
        return ()


def build(_settings: Settings) -> CourierAlone:
    return CourierAlone()


if __name__ == "__main__":
    alone = next(entry for entry in registry.REGISTRY if entry.name == "price-lists")
    registry.REGISTRY = (alone._replace(builder=f"{PROGRAM}:build"),)
    sys.exit(main())
