"""What too much of everything costs: a huge batch, very many batches, very many inserts a second, and the trigger.

    make limits                 (or: python -m bench.limits [--ids 5000000] [--json limits.json])

One instance at its defaults on a private, durable server. PHP's inserts are pgbench's: one statement, one commit each.
While each load is on, a batch of three products is inserted every half second: how long does it take?
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Self

import psycopg

from bench.pgbench import Inserts, describe
from bench.processes import Instance, write_json, write_sample_catalogue
from bench.shop import SERVER, Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries

PRODUCTS = 20_000
AT_ONCE = 100  # batches of one insert, where very many a second are wanted: one commit, one bell
NOTHING_OPEN = "SELECT NOT EXISTS (SELECT FROM categorization_batches WHERE status IN ('pending', 'processing'))"


@dataclass(frozen=True, slots=True)
class Figure:
    load: str
    name: str
    value: str


class Bystander:
    """Inserts a batch of three products every half second until the block ends, and knows how long each took."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._ids: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._shop.dsn, autocommit=True) as conn:
            while not self._stop.is_set():
                row = conn.execute(
                    "INSERT INTO categorization_batches (product_ids) VALUES ('[1, 2, 3]') RETURNING id"
                ).fetchone()
                assert row is not None
                self._ids.append(row[0])
                self._stop.wait(0.5)

    def describe(self) -> str:
        rows = self._shop.db.execute(
            "SELECT extract(epoch FROM completed_at - created_at)::float8 FROM categorization_batches"
            " WHERE id = ANY(%s) AND completed_at IS NOT NULL",
            (self._ids,),
        ).fetchall()
        waits = sorted(row[0] for row in rows)
        if not waits:
            return f"none of {len(self._ids)} completed"
        done = f"{len(waits)} of {len(self._ids)} completed"
        return f"{done}: median {median(waits):.2f} s, worst {waits[-1]:.2f} s"


class Bench:
    """The server, the shop, and where the files go."""

    def __init__(self, server: EmbeddedServer, directory: Path, seconds: float) -> None:
        self.shop = Shop(server.dsn())
        self.figures: list[Figure] = []
        self._directory = directory
        self.seconds = seconds
        self._inserts = Inserts(server.binaries.program("pgbench"), self.shop.dsn, directory, PRODUCTS)

    def prepare(self) -> None:
        say(self.shop.run("migrate", "--with-stand-in"))
        catalogue = self._directory / "catalogue.csv"
        write_sample_catalogue(catalogue, PRODUCTS)
        say(self.shop.run("import", str(catalogue), "--hold-out", "split=held"))
        say(self.shop.run("learn"))

    def add(self, load: str, name: str, value: str) -> None:
        self.figures.append(Figure(load, name, value))
        say(f"{load}: {name}: {value}")

    @contextmanager
    def daemon(self, load: str) -> Iterator[Instance]:
        """An instance whose peak memory is a figure."""
        instance = Instance(self.shop.command("run"), self.shop.environment, self._directory / "daemon.log")
        try:
            yield instance
            self.add(load, "daemon's memory, peak", f"{instance.peak_memory_mb:.0f} MB")
        finally:
            instance.stop()

    def clear(self) -> None:
        self.shop.db.execute("TRUNCATE categorization_batches, batch_slices, audit_log CASCADE")
        self.shop.db.execute("VACUUM ANALYZE")

    def insert(self, clients: int, rows: int = 1, rate: int | None = None) -> list[float]:
        """The latency of each insert in milliseconds."""
        return self._inserts.run(clients, self.seconds, rows, rate)

    def insert_ids(self, ids: int) -> int:
        """One huge batch; one product in a hundred exists, the other ids are item errors. Returns its id."""
        row = self.shop.db.execute(
            "INSERT INTO categorization_batches (product_ids) SELECT jsonb_agg("
            f" CASE WHEN i % 100 = 0 AND i / 100 <= {PRODUCTS} THEN i / 100 ELSE 1000000000 + i END)"
            f" FROM generate_series(1, {ids}) AS i RETURNING id"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def wait(self, query: str, patience_s: float) -> float | None:
        """Seconds until the query says true; None when it does not in time."""
        began = monotonic()
        while self.shop.db.execute(query).fetchone() != (True,):  # type: ignore[call-overload]
            if monotonic() - began > patience_s:
                return None
            threading.Event().wait(0.1)
        return monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", type=int, default=5_000_000, help="of the huge batch")
    parser.add_argument("--batches", type=int, default=100_000, help="open at once")
    parser.add_argument("--rate", type=int, default=10_000, help="inserts offered per second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run of inserts")
    parser.add_argument("--patience", type=float, default=1200.0, metavar="SECONDS", help="for each load to be done")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedServer(embedded_binaries(), settings=SERVER, durable=True) as server,
    ):
        bench = Bench(server, Path(directory), options.seconds)
        bench.prepare()
        measure_trigger(bench)
        measure_trigger_at_work(bench, options.ids)
        measure_inserts(bench, options.rate, options.patience)
        measure_batches(bench, options.batches, options.patience)
        measure_ids(bench, options.ids, options.patience)
    print("\n| load | figure | measured |\n| --- | --- | --- |")
    for figure in bench.figures:
        print(f"| {figure.load} | {figure.name} | {figure.value} |")
    write_json(options.json, [asdict(figure) for figure in bench.figures])
    return 0


def measure_trigger(bench: Bench) -> None:
    """The same inserts with the trigger and without, in turn, no daemon beside them."""
    for clients in (1, 16):
        load = f"inserts by {clients} client{'s' * (clients > 1)}"
        probe = bench.shop.commit_probe()
        compare_trigger(bench, load, clients, bench.clear)
        bench.add(load, "one-row commits beside, one client", f"{probe:,.0f}/s")


def measure_trigger_at_work(bench: Bench, ids: int) -> None:
    """The same while the daemon works, on a huge batch and on what is inserted: on the same cores and the same disk."""
    for clients in (1, 16):
        load = f"inserts by {clients} client{'s' * (clients > 1)}, a daemon at work"
        with bench.daemon(load):
            is_at_work = f"SELECT status = 'processing' FROM categorization_batches WHERE id = {bench.insert_ids(ids)}"
            bench.wait(is_at_work, 600)
            compare_trigger(bench, load, clients, lambda: None)
            bench.add(load, "at work to the end", "no" if bench.wait(is_at_work, 0) is None else "yes")
        bench.clear()


def compare_trigger(bench: Bench, load: str, clients: int, after_each: Callable[[], None]) -> None:
    found: dict[str, list[list[float]]] = {"ENABLE": [], "DISABLE": []}
    for order in ("ENABLE", "DISABLE") * 3:
        bench.shop.db.execute(f"ALTER TABLE categorization_batches {order} TRIGGER catalogd_batch_inserted")
        found[order].append(bench.insert(clients))
        after_each()
    bench.shop.db.execute("ALTER TABLE categorization_batches ENABLE TRIGGER catalogd_batch_inserted")
    for name, rounds in (("with the trigger", found["ENABLE"]), ("without", found["DISABLE"])):
        middle = sorted(rounds, key=median)[1]
        bench.add(load, name, describe(middle, bench.seconds))


def measure_inserts(bench: Bench, rate: int, patience_s: float) -> None:
    """Tiny batches, as many a second as this machine takes, while the daemon works on them: one by one, and by the
    hundred."""
    for rows in (1, AT_ONCE):
        load = f"up to {rate:,} tiny batches a second, {rows} an insert"
        with bench.daemon(load), Bystander(bench.shop) as bystander:
            latencies = bench.insert(clients=16, rows=rows, rate=rate // rows)
            bench.add(load, "inserts", describe(latencies, bench.seconds))
            done = bench.shop.db.execute(
                "SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FROM categorization_batches"
            ).fetchone()
            assert done is not None
            bench.add(load, "completed when the inserts ended", f"{done[0]:,} of {done[1]:,}")
            bystander.stop()
            took = bench.wait(NOTHING_OPEN, patience_s)
            bench.add(load, "until all were completed", "not in time" if took is None else f"{took:.1f} s more")
            bench.add(load, "a tiny batch every half second", bystander.describe())
        bench.clear()


def measure_batches(bench: Bench, batches: int, patience_s: float) -> None:
    load = f"{batches:,} open batches"
    bench.shop.db.execute(
        "INSERT INTO categorization_batches (product_ids)"
        f" SELECT jsonb_build_array(1 + i % {PRODUCTS}) FROM generate_series(1, {batches}) AS i"
    )
    with bench.daemon(load), Bystander(bench.shop) as bystander:
        completed = "FROM categorization_batches WHERE status = 'completed'"
        took = bench.wait(f"SELECT count(*) >= {batches} {completed}", patience_s)
        bystander.stop()
        bench.wait(NOTHING_OPEN, 60)
        rate = "not in time" if took is None else f"{took:.1f} s, {batches / took:,.0f} batches/s"
        bench.add(load, "until all were completed", rate)
        bench.add(load, "a tiny batch every half second, behind them", bystander.describe())
    bench.clear()


def measure_ids(bench: Bench, ids: int, patience_s: float) -> None:
    load = f"a batch of {ids:,} ids"
    with bench.daemon(load), Bystander(bench.shop) as bystander:
        began = monotonic()
        batch_id = bench.insert_ids(ids)
        bench.add(load, "insert", f"{monotonic() - began:.1f} s")
        where = f"FROM categorization_batches WHERE id = {batch_id}"
        planned = bench.wait(f"SELECT status <> 'pending' {where}", patience_s)
        bench.add(load, "planned after", "not in time" if planned is None else f"{planned:.1f} s")
        bench.add(load, "a tiny batch every half second, while it was planned", bystander.describe())
        took = bench.wait(f"SELECT status = 'completed' {where}", patience_s)
        row = bench.shop.db.execute(f"SELECT processed_products, success_products, error_products {where}").fetchone()
        assert row is not None
        time = f"{took:.0f} s after it was planned ({row[0] / took:,.0f} items/s)" if took else "not in time"
        bench.add(load, "completed", f"{time}: {row[0]:,} items, {row[1]:,} predicted, {row[2]:,} in error")
        bystander.stop()
        bench.add(load, "a tiny batch every half second, all the time", bystander.describe())
    bench.clear()


if __name__ == "__main__":
    sys.exit(main())
