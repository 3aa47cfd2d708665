"""What learning costs the batches that are under way: a 100,000-product batch alone, and while the shop is learned.

    make learning [CATALOGUE=path.csv.gz]        (or: python -m bench.learning [--catalogue path.csv.gz] [--rounds 3])

The rounds alternate, so that what else the machine does falls on all alike: read the ratios. Learning goes on all the
time that the batch takes, one lesson after the other, as the daemon does it (last in line for the processor) and as
`catalogd learn` does it by hand.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.figures import Figure, print_table
from bench.processes import memory_mb, write_sample_catalogue
from bench.shop import SERVER, Shop, say
from daemon.background import ChildFailed, ChildStopped, run_beside
from daemon.database.embedded import EmbeddedServer, embedded_binaries

BATCH = 100_000
MOST_LOST = 0.10
OWN = "beside the daemon's own learning"
STOP = threading.Event()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, help="as catalogd import reads it (default: a made-up one)")
    parser.add_argument("--products", type=int, default=40_000, help="of the made-up one")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        TemporaryDirectory() as directory,
        EmbeddedServer(embedded_binaries(), settings=SERVER, durable=True) as server,
    ):
        catalogue = options.catalogue or Path(directory, "catalogue.csv")
        if options.catalogue is None:
            write_sample_catalogue(catalogue, options.products)
        shop = Shop(server.dsn())
        shop.environment["CATALOGD_LEARN"] = "off"  # we say when
        os.environ |= shop.environment  # for the child that learns
        say(shop.run("migrate", "--with-stand-in"))
        say(shop.run("import", str(catalogue), "--hold-out", "split=dev" if options.catalogue else "split=held"))
        say(shop.run("learn"))
        shop.grow(BATCH + BATCH // 10)
        print_table(measure(shop, options.rounds))
    return 0


def measure(shop: Shop, rounds: int) -> list[Figure]:
    ways: dict[str, Callable[[], object]] = {
        "alone": STOP.wait,
        OWN: learn_in_the_background,
        "beside catalogd learn by hand": lambda: learn_by_hand(shop),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    peaks: dict[str, list[float]] = {way: [] for way in ways}
    for round_ in range(rounds):
        for way, act in ways.items():
            with shop.daemon() as pid, over_and_over(act) as lessons:
                batch_id = shop.insert(f"SELECT id FROM products ORDER BY id LIMIT {BATCH}")
                shop.wait_until_completed(batch_id)
                peaks[way].append(memory_mb(pid, "VmHWM"))
            rates[way].append(BATCH / shop.duration_s(batch_id))
            begun = 0 if way == "alone" else len(lessons)
            say(f"round {round_ + 1}, {way}: {rates[way][-1]:,.0f} products/s, {begun} lessons begun")
            shop.db.execute("TRUNCATE predictions CASCADE")
    alone = rates.pop("alone")
    memory = f"{median(peaks['alone']):.0f} MB and {median(peaks[OWN]):.0f} MB"
    figures = [Figure("products/s alone, median (range)", "", spread(alone), None)]
    for way, found in rates.items():
        ratio = median(beside / one for beside, one in zip(found, alone, strict=True))
        reached = ratio >= 1 - MOST_LOST if way == OWN else None
        wanted = f">= {1 - MOST_LOST:.2f} of alone" if way == OWN else ""
        figures.append(Figure(f"products/s {way}", wanted, f"{ratio:.2f} of alone; {spread(found)}", reached))
    figures.append(Figure("peak memory of the daemon, alone and beside its own learning", "the same", memory, None))
    return figures


def spread(rates: list[float]) -> str:
    return f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


@contextmanager
def over_and_over(act: Callable[[], object]) -> Iterator[list[None]]:
    """Meanwhile `act` is done, again and again; says how often it was begun."""
    begun: list[None] = []
    STOP.clear()

    def go_on() -> None:
        while not STOP.is_set():
            begun.append(None)
            with suppress(ChildStopped, ChildFailed):
                act()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield begun
    finally:
        STOP.set()
        thread.join()


def learn_in_the_background() -> None:
    run_beside(["learn"], STOP, timedelta(hours=1))


def learn_by_hand(shop: Shop) -> None:
    with subprocess.Popen(
        shop.command("learn"), env=shop.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            if STOP.wait(0.1):
                process.kill()


if __name__ == "__main__":
    sys.exit(main())
