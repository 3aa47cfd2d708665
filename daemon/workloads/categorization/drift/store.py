"""Writes what slices saw, and reads what a batch came to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection

from daemon.database.bulk import id_list
from daemon.database.statements import statement
from daemon.engine.workload import Item
from daemon.workloads.categorization.decision import Decision
from daemon.workloads.categorization.drift.band import LOW, Shares, find_outside

PACKAGE = "daemon.workloads.categorization.drift"


@dataclass(frozen=True, slots=True)
class Drift:
    """What a batch came to so far. `usual` is None where the model that decided does not say what is."""

    batch_id: int
    model_version: int | None
    seen: Shares
    usual: Shares | None

    @property
    def outside(self) -> Sequence[str]:
        """The figures that are not as usual, by name."""
        return find_outside(self.seen, self.usual) if self.usual else ()


def write_observations(conn: Connection, decided: Mapping[Item, Decision], model_version: int | None) -> None:
    """One row for each batch of the slice, in the caller's transaction."""
    batches: dict[int, list[Decision]] = defaultdict(list)
    for item, decision in decided.items():
        batches[item.batch_id].append(decision)
    parameters = {
        "model_version": model_version,
        "batch_ids": id_list(batches),
        "products": [len(decisions) for decisions in batches.values()],
        "low": [sum(decision.confidence < LOW for decision in decisions) for decisions in batches.values()],
        "unknown": [sum(decision.unknown_share for decision in decisions) for decisions in batches.values()],
        "unknown_manufacturers": [
            sum(decision.unknown_manufacturer for decision in decisions) for decisions in batches.values()
        ],
    }
    conn.execute(statement(PACKAGE, "write_observations"), parameters)


def read_drift(conn: Connection, batch_ids: Sequence[int]) -> dict[int, Drift]:
    """By batch; batches of which nothing was seen are not in it."""
    rows = conn.execute(statement(PACKAGE, "read_drift"), {"batch_ids": id_list(batch_ids)}).fetchall()
    found = {}
    for batch_id, version, *figures in rows:
        usual = figures[4:]
        known = None if None in usual else Shares(*usual)
        found[batch_id] = Drift(batch_id, version, Shares(*figures[:4]), known)
    return found
