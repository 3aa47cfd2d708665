"""The hot statements stay hot: with a long queue none of them reads the whole of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from daemon.engine.queue import Claim, Queue
from tests.support.engine import make_queue

ROWS = 200_000


@pytest.fixture
def queue(db: psycopg.Connection) -> Queue:
    """A queue of many slices of many batches, with statistics, and among them one claim."""
    db.execute(
        "INSERT INTO categorization_batches (product_ids, status)"
        " SELECT '[1]', CASE WHEN i <= 20 THEN 'processing' ELSE 'completed' END FROM generate_series(1, 20000) AS i"
    )
    db.execute(
        "INSERT INTO batch_slices (workload, batch_id, turn, items)"
        " SELECT 'categorization', i %% 20 + 1, i / 20, ARRAY[i, i + 1] FROM generate_series(1, %s) AS i",
        (ROWS,),
    )
    db.execute("ANALYZE batch_slices, categorization_batches")
    return make_queue()


def explain(db: psycopg.Connection, queue: Queue, name: str, values: dict[str, object]) -> list[dict[str, Any]]:
    """The nodes of the plan of the statement, with its real parameters."""
    values |= {"workload": "categorization"}
    row = db.execute(b"EXPLAIN (FORMAT JSON) " + queue._statement(name), values).fetchone()
    assert row is not None
    nodes: list[dict[str, Any]] = []
    todo = [row[0][0]["Plan"]]
    while todo:
        node = todo.pop()
        nodes.append(node)
        todo += node.get("Plans", [])
    return nodes


CLAIM = {
    "worker": "w",
    "slice_size": 500,
    "tiny": 10,
    "grace": timedelta(milliseconds=400),
    "longest_delay": timedelta(minutes=5),
}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("claim", CLAIM),
        ("lock", {"slice_ids": [5, 6, 7], "worker": "w"}),
        ("release", {"slice_ids": [5, 6, 7], "worker": "w", "delay": timedelta(0)}),
        ("backlog", {}),
    ],
)
def test_no_hot_statement_reads_the_whole_queue(
    db: psycopg.Connection, queue: Queue, name: str, values: dict[str, object]
) -> None:
    nodes = explain(db, queue, name, dict(values))
    whole = [n for n in nodes if n["Node Type"] == "Seq Scan" and n.get("Relation Name") == "batch_slices"]
    assert whole == [], json.dumps(nodes, default=str)
    assert any(n.get("Relation Name") == "batch_slices" for n in nodes)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_nor_does_it_when_it_runs_prepared(db: psycopg.Connection, queue: Queue, mode: str) -> None:
    db.execute(f"SET plan_cache_mode = {mode}")  # type: ignore[call-overload]
    db.prepare_threshold = 0
    taken: list[Claim | None] = []
    steps: dict[str, Callable[[], object]] = {
        "claim": lambda: taken.append(queue.claim(db, "w")),
        "lock": lambda: queue.lock(db, taken[-1]),  # type: ignore[arg-type]
        "backlog": lambda: queue.backlog(db),
        "release": lambda: queue.release(db, taken[-1], timedelta(0)),  # type: ignore[arg-type]
    }
    for name, step in steps.items():
        with db.transaction():
            step()
            row = db.execute("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'batch_slices'").fetchone()
            assert row == (0,), name
    assert taken[0] is not None
    assert len(taken[0].slices) > 1


def test_claiming_leaves_the_indexes_alone(db: psycopg.Connection, queue: Queue) -> None:
    one_by_one = make_queue(slice_size=1)
    with db.transaction():
        for _ in range(8):  # as many as a page has room for, within one transaction
            one_by_one.claim(db, "w")
        row = db.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'batch_slices'"
        ).fetchone()
    assert row == (8, 8)


def test_the_oldest_pending_batches_are_found_by_their_index(db: psycopg.Connection, queue: Queue) -> None:
    nodes = explain(db, queue, "lock_pending", {"limit": 200, "small": 2048})
    assert "categorization_batches_pending" in {n.get("Index Name") for n in nodes}
