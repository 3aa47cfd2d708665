"""Very many batches of one product, all there at once: what the queue costs when the work is small."""

from __future__ import annotations

from bench.speed import ours
from bench.speed.arena import WARM_UP, Arena
from bench.speed.peer import present


def measure(arena: Arena) -> None:
    batches = arena.scale.tiny
    for number in range(1, arena.scale.rounds + 1):
        with arena.shop("contest") as shop:
            arena.record("tiny", "catalogd, trivial decision", number, **ours.run_tiny(arena, shop, batches, WARM_UP))
        for peer in present(arena):
            with peer.as_guest(arena, "tiny"), arena.shop("contest", peer.template) as shop:
                arena.record("tiny", peer.name, number, **peer.drain_tiny(arena, shop, batches, WARM_UP))
