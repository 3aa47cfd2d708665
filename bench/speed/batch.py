"""One batch of many products: catalogd against the limits, the naive script and the peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.shop import Shop, say
from bench.speed import bounds, naive, ours
from bench.speed.arena import WARM_UP, Arena, ids
from bench.speed.instance import PROGRAM
from bench.speed.peer import present

PREPARED = "prepared"  # a shop in which the rows of a real run stand ready

Run = Callable[[Shop], dict[str, float]]


def measure(arena: Arena) -> None:
    """Every competitor once in each round, in turn."""
    products, skip = arena.scale.products, WARM_UP
    prepare_real(arena)
    runs: dict[str, tuple[str, Run]] = {
        "L1": ("shop", partial(bounds.server_side, products=products, skip=skip)),
        "catalogd, trivial decision": (
            "shop",
            lambda shop: ours.run_batch(arena, shop, products, skip, ours.TRIVIAL),
        ),
        "L2": ("shop", partial(bounds.poured, products=products, skip=skip, connections=1)),
        "L2, two connections": ("shop", partial(bounds.poured, products=products, skip=skip, connections=2)),
        "naive script": ("shop", partial(naive.run, products=arena.scale.naive, skip=skip)),
        "L1 of the real rows": (PREPARED, partial(bounds.server_side_prepared, products=products, skip=skip)),
        "catalogd": ("shop", lambda shop: ours.run_batch(arena, shop, products, skip, ours.REAL)),
    }
    for number in range(1, arena.scale.rounds + 1):
        for name, (template, run) in runs.items():
            with arena.shop("contest", template) as shop:
                arena.record("batch", name, number, **run(shop))
        for peer in present(arena) if number <= arena.scale.peer_rounds else []:
            with peer.as_guest(arena, "batch"), arena.shop("contest", peer.template) as shop:
                arena.record("batch", peer.name, number, **peer.drain_batch(arena, shop, products, skip))


def prepare_real(arena: Arena) -> None:
    """Let the real decision speak once, and keep its rows for L1."""
    with arena.template(PREPARED) as shop:
        with arena.instance(shop, PROGRAM) as daemon:
            batch_id, _ = ours.treat_batch(shop, [daemon], ids(shop, arena.scale.products, WARM_UP))
        bounds.prepare_rows(shop, batch_id)
        row = shop.db.execute(
            "SELECT (SELECT count(*) FROM prepared_evidence)::float8 / count(*) FROM prepared_predictions"
        ).fetchone()
        assert row is not None
        arena.results.about["evidence rows per product, real decision"] = round(row[0], 2)
        say(f"the real decision gives {row[0]:.2f} evidence rows per product")
