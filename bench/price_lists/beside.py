"""What waiting for slow suppliers costs the batches that are under way.

    make beside        (or: python -m bench.price_lists.beside [--imports 200] [--rounds 5])

A 100,000-product batch is categorised alone, and while 200 imports wait for servers that give some lines a second:
with as many fetchers as by default, and with one for each import. The rounds alternate, so that what else the machine
does falls on all alike: read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.figures import Figure, print_table
from bench.processes import memory_mb, write_sample_catalogue
from bench.shop import SERVER, Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries

BATCH = 100_000
MOST_LOST = 0.10
LINE = b"S1;a thing of some length;Maker;X-1000;9,90\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imports", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with (
        TemporaryDirectory() as directory,
        EmbeddedServer(embedded_binaries(), settings=SERVER, durable=True) as server,
        slow_server() as port,
    ):
        catalogue = Path(directory, "catalogue.csv")
        write_sample_catalogue(catalogue, 40_000)
        shop = Shop(server.dsn())
        shop.environment |= {
            "CATALOGD_LEARN": "off",
            "CATALOGD_PRICE_LIST_FOLDER": f"{directory}/shelf",
            "CATALOGD_PRICE_LIST_NETWORKS": "127.0.0.0/8",
        }
        say(shop.run("migrate", "--with-stand-in"))
        say(shop.run("import", str(catalogue), "--hold-out", "split=held"))
        say(shop.run("learn"))
        shop.grow(BATCH)
        print_table(measure(shop, port, options.imports, options.rounds))
    return 0


def measure(shop: Shop, port: int, imports: int, rounds: int) -> list[Figure]:
    fetchers = {"alone": 0, "with 8 fetchers, the default": 8, f"with {imports} fetchers": imports}
    rates: dict[str, list[float]] = {way: [] for way in fetchers}
    peaks: dict[str, list[float]] = {way: [] for way in fetchers}
    for round_ in range(rounds):
        for way, count in fetchers.items():
            shop.environment["CATALOGD_PRICE_LIST_FETCHERS"] = str(max(count, 1))
            with shop.daemon() as pid:
                if count:
                    order(shop, port, imports)
                    wait_until_held(shop, min(count, imports))
                batch_id = shop.insert(f"SELECT id FROM products ORDER BY id LIMIT {BATCH}")
                shop.wait_until_completed(batch_id)
                peaks[way].append(memory_mb(pid, "VmHWM"))
                shop.db.execute("UPDATE supplier_imports SET status = 'cancelled' WHERE status = 'pending'")
            rates[way].append(BATCH / shop.duration_s(batch_id))
            probe = shop.commit_probe()
            say(f"round {round_ + 1}, {way}: {rates[way][-1]:,.0f} products/s, commit probe {probe:,.0f}/s")
            shop.db.execute("TRUNCATE predictions CASCADE")
    alone = rates.pop("alone")
    figures = [Figure("products/s alone, median (range)", "", spread(alone), None)]
    for way, found in rates.items():
        ratio = median(beside / one for beside, one in zip(found, alone, strict=True))
        memory = f"peak memory {median(peaks[way]):.0f} MB (alone {median(peaks['alone']):.0f} MB)"
        figures.append(
            Figure(
                f"beside {imports} imports from slow servers, {way}",
                f">= {1 - MOST_LOST:.2f} of alone",
                f"{ratio:.2f} of alone; {spread(found)}; {memory}",
                ratio >= 1 - MOST_LOST,
            )
        )
    return figures


def order(shop: Shop, port: int, imports: int) -> None:
    shop.db.execute(
        "INSERT INTO suppliers (name) SELECT 'slow ' || i FROM generate_series(1, %s) AS i ON CONFLICT DO NOTHING",
        (imports,),
    )
    shop.db.execute(
        "INSERT INTO supplier_imports (supplier_id, source_type, source_url)"
        " SELECT id, 'csv', format('http://127.0.0.1:%%s/%%s.csv', %s::int, id) FROM suppliers ORDER BY id LIMIT %s",
        (port, imports),
    )


def wait_until_held(shop: Shop, count: int) -> None:
    query = "SELECT count(*) FROM batch_preparations WHERE claimed_by IS NOT NULL"
    while (row := shop.db.execute(query).fetchone()) is None or row[0] < count:
        threading.Event().wait(0.05)


def spread(rates: list[float]) -> str:
    return f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


@contextmanager
def slow_server() -> Iterator[int]:
    """The port of a server, in a process of its own, that gives a line every half second and never comes to an end."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def serve(told: Connection) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 40000000\r\n\r\n")
            writer.write(b"sku;name;manufacturer;part_number;price\n")
            while True:
                writer.write(LINE * 25)  # more than the slowest that is borne
                await writer.drain()
                await asyncio.sleep(0.5)

    async def listen() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        async with server:
            await server.serve_forever()

    asyncio.run(listen())


if __name__ == "__main__":
    sys.exit(main())
