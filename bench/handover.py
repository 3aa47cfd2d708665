"""Figures of the handover: how long a batch stands still when an instance dies or is restarted; what is done again.

    make handover        (or: python -m bench.handover [--rounds 100] [--products 100000])

Everything runs against a private server with full durability, by the real commands; the kills inside Python and inside
a statement by one that announces that it is there. A table is printed, and the same as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from threading import Event
from time import monotonic

from bench.figures import Figure, print_table
from bench.shop import SERVER, Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries
from tests.support import saboteur
from tests.support.factories import shop as fill_shop
from tests.support.process import Catalogd, Process
from tests.support.process import Event as LogEvent
from tests.support.saboteur import Point
from tests.support.waiting import wait_until

SLICE = 500
LEARNED = 2_000  # products with a category, to learn from
RESTART_EVERY_S = 2.0
FREEZES = 3  # at the default bound each takes half a minute


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="kills of each kind")
    parser.add_argument("--products", type=int, default=100_000, help="of the batch that is restarted under")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with EmbeddedServer(embedded_binaries(), settings=SERVER, durable=True) as server:
        bench = Handover(Shop(server.dsn()), options.products)
        try:
            figures = []
            for measured in (
                bench.measure_losses("killed in Python", Point.COMPUTING, options.rounds, rng, (0.5, 1.5)),
                bench.measure_losses("killed in a long statement", Point.STATEMENT, options.rounds, rng, (2.0, 2.0)),
                bench.measure_losses("frozen in Python", Point.COMPUTING, FREEZES, rng, (31.0, 31.0), signal.SIGSTOP),
                bench.measure_kills_at_work(options.rounds, rng),
                bench.measure_rolling_restarts(),
            ):
                for figure in measured:
                    say(f"{figure.name}: {figure.measured}")
                    figures.append(figure)
        finally:
            bench.close()
    print_table(figures)
    print(json.dumps({"seed": options.seed, "figures": [asdict(figure) for figure in figures]}))
    return 1 if any(figure.is_reached is False for figure in figures) else 0


@dataclass(frozen=True, slots=True)
class Run:
    """A big batch from its insert to its end. An attempt is used up when a claim's worker is found dead."""

    rate: float  # products/s
    longest_pause_s: float  # between two committed slices
    attempts_used: int
    restarts: int


class Handover:
    """A shop with a model, and instances to be killed in it."""

    def __init__(self, shop: Shop, products: int) -> None:
        self._shop = shop
        self._products = products
        self._catalogd = Catalogd(shop.dsn, CATALOGD_LOG_LEVEL="debug")
        say(shop.run("migrate", "--with-stand-in"))
        fill_shop(shop.db, LEARNED + products, labelled=LEARNED)
        shop.db.execute("VACUUM ANALYZE products")
        say(shop.run("learn"))

    def close(self) -> None:
        self._catalogd.close()
        self._shop.db.close()

    def measure_losses(
        self,
        how: str,
        point: Point,
        rounds: int,
        rng: random.Random,
        wanted: tuple[float, float],
        by: signal.Signals = signal.SIGKILL,
    ) -> Iterator[Figure]:
        """One worker of a lost instance holds the last slice of a batch; its peer has done all the others."""
        peer = self._catalogd.start()
        pauses = []
        while len(pauses) < rounds:
            victim = self._start_held(point)
            batch_id = self._insert(12 * SLICE)
            victim.wait_for("sabotage.held")
            Event().wait(rng.uniform(0, 0.6))  # the claim may be younger than the grace, or older
            lost = now()
            victim.signal(by)
            peer.wait_for("batch.completed", batch_id=batch_id, timeout_s=60)
            recovered = peer.wait_for("slice.recovered", batch_id=batch_id)
            settled = peer.wait_for("slice.settled", slice_id=recovered["slice_id"])
            pauses.append(stamp(settled) - lost)
            victim.close()
        peer.stop()
        most_median, most_worst = wanted
        measured = f"{median(pauses):.2f} s, {max(pauses):.2f} s"
        is_reached = median(pauses) <= most_median and max(pauses) <= most_worst
        name = f"{how}: its slice committed by the other, median, worst of {rounds}"
        yield Figure(name, f"{most_median} s, {most_worst} s", measured, is_reached)

    def _start_held(self, point: Point) -> Process:
        return self._catalogd.start(program=saboteur.PROGRAM, SABOTAGE_HOLD=point.value, CATALOGD_WORKERS="1")

    def measure_kills_at_work(self, rounds: int, rng: random.Random) -> Iterator[Figure]:
        """Two instances share a big batch; one of them is killed at any moment, and another started."""
        alive = [self._catalogd.start(), self._catalogd.start()]
        continued: list[float] = []
        recovered: list[float] = []
        again: list[int] = []
        while len(continued) < rounds:
            batch_id = self._insert(self._products)
            self._shop.wait_until(batch_id, "processed_products > 0")
            while len(continued) < rounds and self._remaining(batch_id) > self._products // 4:
                Event().wait(rng.uniform(0, 0.5))
                victim = alive.pop(rng.randrange(2))
                (peer,) = alive
                killed = now()
                victim.signal(signal.SIGKILL)
                victim.wait()
                lost = self._in_hand(victim)
                wait_until(lambda lost=lost: self._is_done(lost), 60)  # type: ignore[misc]
                settled = {event["slice_id"]: stamp(event) for event in events(peer, "slice.settled")}
                continued += sorted(at - killed for at in settled.values() if at > killed)[
                    :1
                ]  # none is left near the end
                recovered += [settled[slice_id] - killed for slice_id in lost if slice_id in settled]
                again.append(sum(e["items"] for e in events(peer, "slice.recovered") if e["slice_id"] in lost))
                victim.close()
                alive.append(self._catalogd.start())
            self._shop.wait_until_completed(batch_id)
        for process in alive:
            process.stop()
        in_flight = 2 * SLICE
        yield from [
            Figure(
                f"killed at work: next slice of the batch committed by the other, median, worst of {rounds}",
                "0.5 s, 1.5 s",
                f"{median(continued):.2f} s, {max(continued):.2f} s",
                median(continued) <= 0.5 and max(continued) <= 1.5,
            ),
            Figure(
                f"killed at work: the slices it had in hand committed, median, worst of {len(recovered)}",
                "0.5 s, 1.5 s",
                f"{median(recovered):.2f} s, {max(recovered):.2f} s" if recovered else "none was in hand",
                not recovered or (median(recovered) <= 0.5 and max(recovered) <= 1.5),
            ),
            Figure(
                "products computed again after a kill, median, most",
                f"in flight, <= {in_flight}",
                f"{median(again):.0f}, {max(again)}",
                max(again) <= in_flight,
            ),
        ]

    def measure_rolling_restarts(self) -> Iterator[Figure]:
        """One of two instances is stopped every two seconds and another started, one after the other."""
        undisturbed = self._run_batch(restarts=False)
        rolling = self._run_batch(restarts=True)
        loss = 1 - rolling.rate / undisturbed.rate
        yield from [
            Figure(
                f"rolling restarts every {RESTART_EVERY_S:.0f} s ({rolling.restarts}): attempts used",
                "0",
                str(rolling.attempts_used),
                rolling.attempts_used == 0,
            ),
            Figure(
                "rolling restarts: longest pause between committed slices (without restarts)",
                "<= 1 s",
                f"{rolling.longest_pause_s:.2f} s ({undisturbed.longest_pause_s:.2f} s)",
                rolling.longest_pause_s <= 1,
            ),
            Figure(
                "rolling restarts: throughput (without restarts)",
                "falls by less than a third",
                f"{rolling.rate:,.0f}/s ({undisturbed.rate:,.0f}/s): {-loss:+.0%}",
                loss < 1 / 3,
            ),
        ]

    def _run_batch(self, restarts: bool) -> Run:
        alive = [self._catalogd.start(), self._catalogd.start()]
        all_of_them = list(alive)
        batch_id = self._insert(self._products)
        next_restart = monotonic() + RESTART_EVERY_S
        while self._status(batch_id) in ("pending", "processing"):
            if restarts and monotonic() >= next_restart:
                oldest = alive.pop(0)
                oldest.signal(signal.SIGTERM)
                alive.append(self._catalogd.start(ready=False))
                all_of_them.append(alive[-1])
                next_restart += RESTART_EVERY_S
            Event().wait(0.02)
        for process in all_of_them:
            if process in alive:
                process.signal(signal.SIGTERM)
            assert process.wait() in (0, -signal.SIGTERM)  # the latter: it was not yet so far as to catch it
        settled = sorted(stamp(event) for process in all_of_them for event in events(process, "slice.settled"))
        return Run(
            rate=self._products / self._shop.duration_s(batch_id),
            longest_pause_s=max(later - earlier for earlier, later in pairwise(settled)),
            attempts_used=sum(len(events(process, "slice.recovered")) for process in all_of_them),
            restarts=len(all_of_them) - 2,
        )

    def _insert(self, products: int) -> int:
        return self._shop.insert(f"SELECT id FROM products WHERE id > {LEARNED} ORDER BY id LIMIT {products}")

    def _status(self, batch_id: int) -> str:
        row = self._shop.db.execute("SELECT status FROM categorization_batches WHERE id = %s", (batch_id,)).fetchone()
        assert row is not None
        return str(row[0])

    def _remaining(self, batch_id: int) -> int:
        row = self._shop.db.execute(
            "SELECT coalesce(sum(item_count), 0) FROM batch_slices WHERE batch_id = %s", (batch_id,)
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _in_hand(self, victim: Process) -> list[int]:
        rows = self._shop.db.execute(
            "SELECT id FROM batch_slices WHERE starts_with(claimed_by, %s)", (victim.instance,)
        ).fetchall()
        return [row[0] for row in rows]

    def _is_done(self, slice_ids: Sequence[int]) -> bool:
        row = self._shop.db.execute(
            "SELECT count(*) FROM batch_slices WHERE id = ANY(%s)", (list(slice_ids),)
        ).fetchone()
        return row == (0,)


def now() -> float:
    return datetime.now(UTC).timestamp()


def stamp(event: LogEvent) -> float:
    """When an event was logged: just after the commit it tells of. The same clock as `now`."""
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def events(process: Process, name: str) -> list[LogEvent]:
    return [event for event in list(process.events) if event["event"] == name]


if __name__ == "__main__":
    sys.exit(main())
