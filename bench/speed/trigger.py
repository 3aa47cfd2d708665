"""What the triggers cost PHP: the same inserts with them, without the bell, and without any; no daemon beside them."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from bench.pgbench import Inserts
from bench.shop import Shop
from bench.speed.arena import Arena

BELL, SILENT, BARE = "with the trigger", "CATALOGD_NOTIFY=off", "without any trigger"


def measure(arena: Arena) -> None:
    for number in range(1, arena.scale.side_rounds + 1):
        for clients in (1, 16):
            for name, prepare in VARIANTS.items():
                with arena.shop("contest") as shop:
                    prepare(shop)
                    program = arena.server.binaries.program("pgbench")
                    inserts = Inserts(program, shop.dsn, arena.directory, arena.scale.small)
                    latencies_ms = inserts.run(clients, arena.scale.trigger_s)
                rate = len(latencies_ms) / arena.scale.trigger_s
                arena.record(f"trigger, {clients}", name, number, inserts_per_s=rate, p50_ms=median(latencies_ms))


def _silence(shop: Shop) -> None:
    shop.environment["CATALOGD_NOTIFY"] = "off"
    shop.run("migrate")


def _strip(shop: Shop) -> None:
    shop.db.execute("ALTER TABLE categorization_batches DISABLE TRIGGER USER")


VARIANTS: dict[str, Callable[[Shop], object]] = {BELL: lambda _: None, SILENT: _silence, BARE: _strip}
