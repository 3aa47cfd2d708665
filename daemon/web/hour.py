"""The last hour of a kind of work: how much was treated, and how long batches waited, minute by minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psycopg import Connection

from daemon.database.statements import statement
from daemon.web.batches import WINDOW
from daemon.workloads.kind import Kind

MINUTES = 60


class Wait(NamedTuple):
    """Of the batches started in a time: how many, and how long half of them, nearly all, and the last waited."""

    batches: int
    middle_s: float
    late_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Hour:
    """Minutes from the oldest to the one that ends now."""

    kind: Kind
    items: Sequence[float]
    waits: Sequence[Wait | None]
    all_waits: Wait | None

    @property
    def is_quiet(self) -> bool:
        return self.all_waits is None and not any(self.items)

    @property
    def treated(self) -> float:
        return sum(self.items)

    @property
    def busiest_per_s(self) -> float:
        return max(self.items) / 60

    @property
    def longest_s(self) -> float:
        return self.all_waits.longest_s if self.all_waits else 0.0


def read_hour(conn: Connection, kind: Kind) -> Hour:
    """Of the WINDOW newest batches."""
    parameters = {"window": WINDOW}
    items, waits = [0.0] * MINUTES, [None] * MINUTES
    for ago, treated in conn.execute(statement("daemon.web", "read_pace", **kind.table.identifiers), parameters):
        items[MINUTES - 1 - ago] = treated
    of_minutes: list[Wait | None] = list(waits)
    whole: Wait | None = None
    for ago, *figures in conn.execute(statement("daemon.web", "read_waits", **kind.table.identifiers), parameters):
        if ago is None:
            whole = Wait(*figures) if figures[0] else None
        elif 0 <= ago < MINUTES:
            of_minutes[MINUTES - 1 - ago] = Wait(*figures)
    return Hour(kind, items, of_minutes, whole)
