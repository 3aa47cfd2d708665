"""How soon: from an insert's commit to the start of its work, and to its end, on a worker that was idle."""

from __future__ import annotations

import threading
from statistics import median
from time import monotonic_ns

from bench.shop import Shop
from bench.speed import ours
from bench.speed.arena import WARM_UP, Arena, Wrong, ids, verify, wait
from bench.speed.instance import PROGRAM
from bench.speed.peer import Peer, present
from bench.speed.samples import percentile

PAUSE_S = 0.05  # between inserts: the worker is idle again
SETTLE_S = 2.0  # after the worker is ready
POLL_S = 0.0003


def measure(arena: Arena) -> None:
    for number in range(1, arena.scale.rounds + 1):
        with arena.shop("contest") as shop:
            arena.record("pickup", "catalogd", number, **_pick_up(arena, shop))
        with arena.shop("contest") as shop:
            arena.record("completed", "catalogd", number, **_complete(arena, shop))
        for peer in present(arena) if number <= arena.scale.peer_rounds else []:
            with peer.as_guest(arena, "pickup"), arena.shop("contest", peer.template) as shop:
                arena.record("pickup", peer.name, number, **_pick_up_by(arena, shop, peer))


def _pick_up(arena: Arena, shop: Shop) -> dict[str, float]:
    """One-product batches; their work begins when the workload's `process` is entered."""
    file = arena.directory / "starts.txt"
    file.unlink(missing_ok=True)
    sent: dict[int, tuple[int, int]] = {}
    with arena.instance(shop, PROGRAM, BENCH_STARTS=str(file)):
        ours.warm_up(shop, WARM_UP)
        threading.Event().wait(SETTLE_S)
        for product_id in ids(shop, arena.scale.pickups, WARM_UP):
            before = monotonic_ns()
            batch_id = ours.insert(shop, [product_id])
            sent[batch_id] = before, monotonic_ns()
            threading.Event().wait(PAUSE_S)
        wait(lambda: ours.is_everything_completed(shop), 0.01, 30, "the batches' end")
    verify(shop, list(sent), arena.scale.pickups)
    return _latencies(sent, ours.read_starts(file))


def _pick_up_by(arena: Arena, shop: Shop, peer: Peer) -> dict[str, float]:
    """Empty jobs, by the peer's own client in a process of its own; their work begins in the handler's first line."""
    count = arena.scale.pickups
    with peer.worker(arena, shop) as worker:
        peer.wait_until_idle(arena, shop, worker)
        threading.Event().wait(SETTLE_S)
        told = peer.tell(arena, shop, ["send", str(count), str(PAUSE_S)], "")
        starts = dict(worker.wait_for("started") for _ in range(count))
    lines = (line.split() for line in told.splitlines() if line.startswith("sent "))
    return _latencies({int(number): (int(before), int(after)) for _, number, before, after in lines}, starts)


def _latencies(sent: dict[int, tuple[int, int]], starts: dict[int, int]) -> dict[str, float]:
    """In ms. Work may begin before the client has read the answer to its commit: then that counts as 0."""
    if not sent or sent.keys() - starts.keys():
        raise Wrong(f"{len(sent.keys() - starts.keys())} of {len(sent)} jobs did not start")
    acked = [max(0, starts[job] - after) / 1e6 for job, (_, after) in sent.items()]
    whole = [(starts[job] - before) / 1e6 for job, (before, _) in sent.items()]
    return {
        "p50_ms": percentile(acked, 0.50),
        "p99_ms": percentile(acked, 0.99),
        "from_send_p50_ms": percentile(whole, 0.50),
        "from_send_p99_ms": percentile(whole, 0.99),
        "insert_p50_ms": median((after - before) / 1e6 for before, after in sent.values()),
    }


def _complete(arena: Arena, shop: Shop) -> dict[str, float]:
    """From before a one-product batch is sent until its client sees it completed. The real decision."""
    took_ms, batch_ids = [], []
    with arena.instance(shop):
        ours.warm_up(shop, WARM_UP)
        threading.Event().wait(SETTLE_S)
        for product_id in ids(shop, arena.scale.pickups, WARM_UP):
            before = monotonic_ns()
            batch_ids.append(ours.insert(shop, [product_id]))
            wait(lambda: ours.is_completed(shop, batch_ids[-1]), POLL_S, 30, "the batch's end")
            took_ms.append((monotonic_ns() - before) / 1e6)
            threading.Event().wait(PAUSE_S)
    verify(shop, batch_ids, arena.scale.pickups)
    return {"p50_ms": percentile(took_ms, 0.50), "p99_ms": percentile(took_ms, 0.99)}
