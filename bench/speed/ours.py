"""catalogd itself: real processes, from PHP's insert to `completed`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from bench.processes import Instance
from bench.shop import Shop
from bench.speed.arena import Arena, ids, verify, wait
from bench.speed.instance import PROGRAM
from bench.speed.load import Load
from bench.speed.work import trivial_decision

TRIVIAL = {"BENCH_DECISION": "trivial"}
REAL: dict[str, str] = {}
PATIENCE_S = 1800.0


def insert(shop: Shop, product_ids: Sequence[int]) -> int:
    """One batch, as PHP inserts it."""
    row = shop.db.execute(
        "INSERT INTO categorization_batches (product_ids) VALUES (to_jsonb(%s::bigint[])) RETURNING id",
        (list(product_ids),),
    ).fetchone()
    assert row is not None
    return int(row[0])


def insert_tiny(shop: Shop, product_ids: Sequence[int]) -> list[int]:
    """A batch for each product, all in one commit."""
    rows = shop.db.execute(
        "INSERT INTO categorization_batches (product_ids) SELECT jsonb_build_array(id)"
        " FROM unnest(%s::bigint[]) AS id RETURNING id",
        (list(product_ids),),
    ).fetchall()
    return [row[0] for row in rows]


def is_completed(shop: Shop, batch_id: int) -> bool:
    row = shop.db.execute("SELECT status = 'completed' FROM categorization_batches WHERE id = %s", (batch_id,))
    return row.fetchone() == (True,)


def is_everything_completed(shop: Shop) -> bool:
    query = "SELECT NOT EXISTS (SELECT FROM categorization_batches WHERE status IN ('pending', 'processing'))"
    return shop.db.execute(query).fetchone() == (True,)


def warm_up(shop: Shop, products: int) -> None:
    """A batch that the clock does not see: the model is read, connections are open."""
    batch_id = insert(shop, ids(shop, products))
    wait(lambda: is_completed(shop, batch_id), 0.01, 120, "the first batch's end")


def treat_batch(shop: Shop, daemons: Sequence[Instance], product_ids: Sequence[int]) -> tuple[int, dict[str, float]]:
    """One batch from the commit of its insert until its end is seen; returns its id, too. Not yet verified."""
    with Load(shop, tuple(daemon.pid for daemon in daemons)) as load:
        batch_id = insert(shop, product_ids)
        began = monotonic()
        wait(lambda: is_completed(shop, batch_id), 0.01, PATIENCE_S, "the batch's end")
        took = monotonic() - began
    count = len(product_ids)
    return batch_id, {"products_per_s": count / took, **load.per(count)}


def run_batch(arena: Arena, shop: Shop, products: int, skip: int, decision: dict[str, str]) -> dict[str, float]:
    """One instance, one batch, verified."""
    shop.db.execute("SELECT pg_stat_reset()")
    with arena.instance(shop, PROGRAM, **decision) as daemon:
        warm_up(shop, skip)
        shop.db.execute("CHECKPOINT")
        batch_id, values = treat_batch(shop, [daemon], ids(shop, products, skip))
        values["peak_mb"] = daemon.peak_memory_mb
    verify(shop, [batch_id], products, len(trivial_decision().evidence) if decision else None)
    return values | {"hot_share": hot_share(shop)}


def hot_share(shop: Shop) -> float:
    """Of all updates, those that touched no index. A session tells at the latest when it ends."""
    query = "SELECT sum(n_tup_hot_upd)::float8, sum(n_tup_upd)::float8 FROM pg_stat_user_tables"
    row = shop.db.execute(query).fetchone()
    assert row is not None
    return row[0] / row[1] if row[1] else 0.0


def run_tiny(arena: Arena, shop: Shop, batches: int, skip: int) -> dict[str, float]:
    """So many one-product batches, all there at once, from their commit until all are completed."""
    with arena.instance(shop, PROGRAM, **TRIVIAL) as daemon:
        warm_up(shop, skip)
        shop.db.execute("CHECKPOINT")
        with Load(shop, (daemon.pid,)) as load:
            batch_ids = insert_tiny(shop, ids(shop, batches, skip))
            began = monotonic()
            wait(lambda: is_everything_completed(shop), 0.01, PATIENCE_S, "the batches' end")
            took = monotonic() - began
    verify(shop, batch_ids, batches, len(trivial_decision().evidence))
    return {"batches_per_s": batches / took, **load.per(batches)}


def read_starts(file: Path) -> dict[int, int]:
    """When the processing of each batch began, by CLOCK_MONOTONIC in ns."""
    lines = (line.split() for line in file.read_text(encoding="ascii").splitlines())
    starts: dict[int, int] = {}
    for _, batch_id, entered in lines:
        starts.setdefault(int(batch_id), int(entered))
    return starts
