"""At rest: what a worker with nothing to do asks of the server, and of the processor."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from time import monotonic

from bench.processes import exact_cpu_s, memory_mb
from bench.speed.arena import Arena
from bench.speed.peer import present

SETTLE_S = 15.0


def measure(arena: Arena) -> None:
    """catalogd and all peers at once, each in a database of its own, in one window."""
    with ExitStack() as stack:
        shop = stack.enter_context(arena.shop("idle_catalogd"))
        arena.count_statements_in(shop)
        pids = {"catalogd": (shop.db.info.dbname, stack.enter_context(arena.instance(shop)).pid)}
        for peer in present(arena):
            with peer.as_guest(arena, "idle"):
                shop = stack.enter_context(arena.shop(f"idle_{peer.template}", peer.template))
                arena.count_statements_in(shop)
                worker = stack.enter_context(peer.worker(arena, shop))
                peer.wait_until_idle(arena, shop, worker)
                pids[peer.name] = shop.db.info.dbname, worker.pid
        threading.Event().wait(SETTLE_S)
        before, began = {name: _look(arena, *where) for name, where in pids.items()}, monotonic()
        threading.Event().wait(arena.scale.idle_s)
        minutes = (monotonic() - began) / 60
        after = {name: _look(arena, *where) for name, where in pids.items()}
        for name, (_, pid) in pids.items():
            statements, cpu_s = (late - early for late, early in zip(after[name], before[name], strict=True))
            arena.record(
                "idle",
                name,
                1,
                statements_per_min=statements / minutes,
                cpu_s_per_min=cpu_s / minutes,
                memory_mb=memory_mb(pid, "VmRSS"),
            )


def _look(arena: Arena, database: str, pid: int) -> tuple[float, float]:
    return arena.count_statements(database), exact_cpu_s(pid)
