"""More instances on one batch whose decision is heavy: does the work spread over the cores?

Each on a host of its own (a network namespace, reached by TCP) where such can be made, else beside each other.
"""

from __future__ import annotations

from contextlib import ExitStack

from bench.processes import Instance
from bench.shop import Shop
from bench.speed import ours
from bench.speed.arena import WARM_UP, Arena, ids, verify
from bench.speed.instance import PROGRAM
from bench.speed.work import trivial_decision

HEAVY = {"BENCH_DECISION": "heavy:100000"}  # about 1 ms of Python a product: the server has time to spare

WARM_SLICES = 4  # for each instance


def measure(arena: Arena) -> None:
    where = "each in a network namespace of its own, by TCP" if arena.others else "beside each other, by a local socket"
    arena.results.about["instances"] = where
    for number in range(1, arena.scale.side_rounds + 1):
        for count in arena.scale.instances:
            with arena.shop("contest") as shop:
                values = _run(arena, shop, count, HEAVY, arena.scale.heavy)
                arena.record("instances", str(count), number, **values)
        for count in arena.scale.instances[:2]:
            with arena.shop("contest") as shop:
                values = _run(arena, shop, count, ours.REAL, arena.scale.products // 2)
                arena.record("instances, real decision", str(count), number, **values)


def _run(arena: Arena, shop: Shop, count: int, decision: dict[str, str], products: int) -> dict[str, float]:
    with ExitStack() as stack:
        hosts = arena.others.hosts if arena.others else [""] * count
        daemons: list[Instance] = [
            stack.enter_context(arena.instance(shop, PROGRAM, f"instance-{number}", host, **decision))
            for number, host in enumerate(hosts[:count])
        ]
        ours.warm_up(shop, count * WARM_SLICES * WARM_UP)  # so many that every instance gets some, and reads the model
        batch_id, values = ours.treat_batch(shop, daemons, ids(shop, products, WARM_UP))
    verify(shop, [batch_id], products, len(trivial_decision().evidence) if decision else None)
    return values
