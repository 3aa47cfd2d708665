"""Categorization, as commands know it."""

from collections.abc import Mapping, Sequence

from psycopg import Connection

from daemon.engine.workload import BatchTable
from daemon.workloads.categorization.drift.store import read_drift
from daemon.workloads.categorization.drift.telling import describe, keys_of
from daemon.workloads.kind import Kind, Sight

TABLE = BatchTable(
    name="categorization_batches",
    entity="categorization_batch",
    items="product_ids",
    counted="products",
    results="predictions",
    result_item="product_id",
    errors="categorization_errors",
)


def look(conn: Connection, batch_ids: Sequence[int]) -> Mapping[int, Sight]:
    """Whether a batch is like what was learned from."""
    drifts = read_drift(conn, batch_ids)
    unseen = Sight(facts={"drift": None})
    return dict.fromkeys(batch_ids, unseen) | {
        batch_id: Sight(facts={"drift": keys_of(drift)}, remark=describe(drift), is_warning=bool(drift.outside))
        for batch_id, drift in drifts.items()
    }


KIND = Kind("categorization", TABLE, look)
