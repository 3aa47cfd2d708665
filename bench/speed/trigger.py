"""What the trigger costs PHP: the same inserts with it and without, no daemon beside them."""

from __future__ import annotations

from statistics import median

from bench.pgbench import Inserts
from bench.speed.arena import Arena

TRIGGER = "catalogd_batch_inserted"


def measure(arena: Arena) -> None:
    for number in range(1, arena.scale.side_rounds + 1):
        for clients in (1, 16):
            for name, order in (("with the trigger", "ENABLE"), ("without", "DISABLE")):
                with arena.shop("contest") as shop:
                    shop.db.execute(f"ALTER TABLE categorization_batches {order} TRIGGER {TRIGGER}")
                    program = arena.server.binaries.program("pgbench")
                    inserts = Inserts(program, shop.dsn, arena.directory, arena.scale.small)
                    latencies_ms = inserts.run(clients, arena.scale.trigger_s)
                rate = len(latencies_ms) / arena.scale.trigger_s
                arena.record(f"trigger, {clients}", name, number, inserts_per_s=rate, p50_ms=median(latencies_ms))
