"""More instances on one batch whose decision is heavy: does the work spread over the cores?"""

from __future__ import annotations

from contextlib import ExitStack

from bench.processes import Instance
from bench.shop import Shop
from bench.speed import ours
from bench.speed.arena import WARM_UP, Arena, ids, verify
from bench.speed.instance import PROGRAM
from bench.speed.work import trivial_decision

HEAVY = {"BENCH_DECISION": "heavy:40000"}  # about 0.4 ms of Python for each product

WARM_SLICES = 4  # for each instance


def measure(arena: Arena) -> None:
    for number in range(1, arena.scale.side_rounds + 1):
        for count in arena.scale.instances:
            with arena.shop("contest") as shop:
                arena.record("instances", str(count), number, **_run(arena, shop, count))


def _run(arena: Arena, shop: Shop, count: int) -> dict[str, float]:
    products = arena.scale.heavy
    with ExitStack() as stack:
        daemons: list[Instance] = [
            stack.enter_context(arena.instance(shop, PROGRAM, f"instance-{number}", **HEAVY)) for number in range(count)
        ]
        ours.warm_up(shop, count * WARM_SLICES * WARM_UP)  # so many that every instance gets some, and reads the model
        batch_id, values = ours.treat_batch(shop, daemons, ids(shop, products, WARM_UP))
    verify(shop, [batch_id], products, len(trivial_decision().evidence))
    return values
