"""Tells of batches that are unlike what was learned from."""

from collections.abc import Sequence

import structlog
from psycopg import Connection

from daemon.database.pool import bounded
from daemon.engine.workload import Ended
from daemon.workloads.categorization.drift.band import FEWEST, FIGURES
from daemon.workloads.categorization.drift.store import Drift, read_drift

log = structlog.get_logger()

MEANINGS = {
    "low": "with low confidence",
    "unknown": "of their words and values new to it",
    "unknown_manufacturers": "from unknown manufacturers",
}


def tell_drifted(conn: Connection, batches: Sequence[Ended]) -> None:
    """A warning for each batch that is outside of the band. Of tiny ones, which cannot be, nothing is asked."""
    batch_ids = [batch.batch_id for batch in batches if batch.items >= FEWEST]
    if not batch_ids:
        return
    with bounded(conn):
        found = read_drift(conn, batch_ids)
    for drift in found.values():
        if drift.outside:
            log.warning("batch.drifted", **keys_of(drift))


def keys_of(drift: Drift) -> dict[str, object]:
    """The figures of a batch beside the usual ones, as in the event."""
    usual = {f"usual_{figure}": round(getattr(drift.usual, figure), 3) for figure in FIGURES} if drift.usual else {}
    return {
        "batch_id": drift.batch_id,
        "products": drift.seen.products,
        **{figure: round(getattr(drift.seen, figure), 3) for figure in FIGURES},
        **usual,
        "outside": list(drift.outside),
        "model_version": drift.model_version,
    }


def describe(drift: Drift) -> str:
    """What a batch is like, and what was usual when the model was learned."""
    parts = [
        f"{getattr(drift.seen, figure):.1%} {meaning}"
        + (f" (usually {getattr(drift.usual, figure):.1%})" if drift.usual else "")
        for figure, meaning in MEANINGS.items()
    ]
    verdict = "is unlike what was learned from" if drift.outside else "in figures"
    return f"{verdict}: {', '.join(parts)}"
