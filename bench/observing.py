"""What it costs that the daemon can be watched.

    make observing     (or: python -m bench.observing [--rounds 7] [--products 100000] [--tiny 20000])

A batch of 100,000 products, and 20,000 batches of one, are treated with nothing counted, with figures counted and
served, and with these scraped every second. The rounds alternate, so that what else the machine does falls on all
alike: read the ratios, and the processor time that the daemon took. Where the machine is so busy that these say
nothing, read what a scrape costs, in processor time: that can be measured anywhere.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

from bench.figures import Figure, print_table
from bench.processes import exact_cpu_s, write_sample_catalogue
from bench.shop import SERVER, Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries
from daemon.monitoring.survey import FRESH_S

MOST_LOST = 0.02
SCRAPES, SURVEYS = 100, 8
OFF, ON, SCRAPED = "not counted", "counted and served", "scraped every second"
WAYS = (OFF, ON, SCRAPED)
LOADS = ("products/s of one batch", "batches/s of one product each")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--products", type=int, default=100_000, help="of the large batch")
    parser.add_argument("--tiny", type=int, default=20_000, help="batches of one product")
    options = parser.parse_args()
    with (
        TemporaryDirectory() as directory,
        EmbeddedServer(embedded_binaries(), settings=SERVER, durable=True) as server,
    ):
        catalogue = Path(directory, "catalogue.csv")
        write_sample_catalogue(catalogue, 40_000)
        shop = Shop(server.dsn())
        shop.environment |= {"CATALOGD_LEARN": "off", "CATALOGD_WORKLOADS": "categorization"}
        say(shop.run("migrate", "--with-stand-in"))
        say(shop.run("import", str(catalogue), "--hold-out", "split=held"))
        say(shop.run("learn"))
        shop.grow(options.products)
        figures = measure(shop, options.rounds, options.products, options.tiny)
        print_table([*figures, *measure_scrapes(shop, server)])
    return 0


def measure(shop: Shop, rounds: int, products: int, tiny: int) -> list[Figure]:
    rates: dict[tuple[str, str], list[float]] = {(load, way): [] for load in LOADS for way in WAYS}
    cpu: dict[tuple[str, str], list[float]] = {key: [] for key in rates}
    for round_ in range(rounds):
        for shift in range(len(WAYS)):
            way = WAYS[(round_ + shift) % len(WAYS)]
            port = free_port()
            shop.environment["CATALOGD_METRICS"] = "off" if way == OFF else f"127.0.0.1:{port}"
            with shop.daemon() as pid, scraping(port) if way == SCRAPED else nullcontext():
                shop.wait_until_completed(shop.insert("SELECT id FROM products ORDER BY id LIMIT 1000"))  # it is warm
                for load, number in zip(LOADS, (products, tiny), strict=True):
                    before = exact_cpu_s(pid)
                    rates[load, way].append(TREAT[load](shop, number))
                    cpu[load, way].append(exact_cpu_s(pid) - before)
            probe = shop.commit_probe()
            told = ", ".join(
                f"{rates[load, way][-1]:,.0f} {load}, {cpu[load, way][-1]:.2f} s of processor" for load in LOADS
            )
            say(f"round {round_ + 1}, {way}: {told}; commit probe {probe:,.0f}/s")
            shop.db.execute("TRUNCATE categorization_batches, predictions, batch_slices, audit_log CASCADE")
            shop.db.execute("CHECKPOINT")
    return [figure for load in LOADS for figure in conclude(load, rates, cpu)]


def conclude(
    load: str, rates: Mapping[tuple[str, str], list[float]], cpu: Mapping[tuple[str, str], list[float]]
) -> Iterator[Figure]:
    """Each way beside the one in which nothing is counted, round by round."""
    yield Figure(f"{load}, {OFF}: median (range)", "", spread(rates[load, OFF]), None)
    for way in (ON, SCRAPED):
        pairs = zip(rates[load, way], rates[load, OFF], strict=True)
        ratios = sorted(watched / alone for watched, alone in pairs)
        spent = median(each / alone for each, alone in zip(cpu[load, way], cpu[load, OFF], strict=True))
        measured = (
            f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}); {spread(rates[load, way])};"
            f" the daemon's processor time {spent:.3f}"
        )
        reached = median(ratios) >= 1 - MOST_LOST
        yield Figure(f"{load}, {way}", f">= {1 - MOST_LOST:.2f} of not counted", measured, reached)


def measure_scrapes(shop: Shop, server: EmbeddedServer) -> Iterator[Figure]:
    """At rest, after 10,000 decisions on what was predicted."""
    port = free_port()
    shop.environment |= {"CATALOGD_METRICS": f"127.0.0.1:{port}", "CATALOGD_WORKLOADS": ""}
    with shop.daemon() as pid:
        shop.wait_until_completed(shop.insert("SELECT id FROM products ORDER BY id LIMIT 10000"))
        shop.db.execute("UPDATE predictions SET status = CASE WHEN id % 9 = 0 THEN 'rejected' ELSE 'approved' END")
        shop.db.execute("VACUUM ANALYZE human_decisions")
        read(port)
        before = exact_cpu_s(pid)
        for _ in range(SCRAPES):
            read(port)
        plain_s = (exact_cpu_s(pid) - before) / SCRAPES
        before, before_there = exact_cpu_s(pid), children_cpu_s(server.pid)
        for _ in range(SURVEYS):
            threading.Event().wait(FRESH_S + 0.2)
            read(port)
        survey_s = (exact_cpu_s(pid) - before) / SURVEYS - plain_s
        there_s = (children_cpu_s(server.pid) - before_there) / SURVEYS
    share = plain_s + (survey_s + there_s) / FRESH_S
    measured = (
        f"{share:.1%}: {plain_s * 1000:.1f} ms each; every {FRESH_S:g} s the database is asked,"
        f" {survey_s * 1000:.1f} ms in the daemon and {there_s * 1000:.1f} ms in the server"
    )
    wanted = f"<= {MOST_LOST:.0%} of one processor"
    yield Figure("a scrape every second", wanted, measured, share <= MOST_LOST)


def children_cpu_s(pid: int) -> float:
    """User and system time of all children that have ended, in ticks of 10 ms; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def read(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        answer.read()


def large(shop: Shop, products: int) -> float:
    """Products a second."""
    batch_id = shop.insert(f"SELECT id FROM products ORDER BY id LIMIT {products}")
    shop.wait_until_completed(batch_id)
    return products / shop.duration_s(batch_id)


def small(shop: Shop, batches: int) -> float:
    """Batches a second, inserted together."""
    began = monotonic()
    shop.db.execute(
        "INSERT INTO categorization_batches (product_ids)"
        " SELECT jsonb_build_array(id) FROM products ORDER BY id LIMIT %s",
        (batches,),
    )
    open_ = "SELECT EXISTS (SELECT FROM categorization_batches WHERE status IN ('pending', 'processing'))"
    while shop.db.execute(open_).fetchone() != (False,):
        threading.Event().wait(0.02)
    return batches / (monotonic() - began)


TREAT = dict(zip(LOADS, (large, small), strict=True))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def scraping(port: int) -> Iterator[None]:
    """Somebody reads all figures every second."""
    stop = threading.Event()

    def scrape() -> None:
        while not stop.wait(1.0):
            read(port)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def spread(rates: list[float]) -> str:
    return f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


if __name__ == "__main__":
    sys.exit(main())
