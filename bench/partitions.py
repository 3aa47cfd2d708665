"""What partitions cost: the locks of the conversion, a batch on plain and on partitioned tables, letting old rows go.

`python -m bench.partitions`: a private, durable server; about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import monotonic

import psycopg

from bench.shop import Shop, say
from bench.speed import ours
from bench.speed.__main__ import SHORT
from bench.speed.arena import SETTINGS, WARM_UP, Arena, ids, verify
from bench.speed.growth import fill
from bench.speed.instance import PROGRAM
from bench.speed.samples import Results, percentile
from bench.speed.work import trivial_decision
from daemon.database.embedded import EmbeddedServer, embedded_binaries
from daemon.database.pool import Session
from daemon.workloads.categorization.partitioning.conversion import convert
from daemon.workloads.categorization.partitioning.extension import extend
from daemon.workloads.categorization.partitioning.partition import read_partitions
from daemon.workloads.categorization.partitioning.waiting import index_what_waits

EACH = len(trivial_decision().evidence)  # rows of evidence per prediction
FULL = "filled"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", type=Path, help="a file for `catalogd import` (default: the sample catalogue)")
    parser.add_argument("--predictions", type=int, default=1_000_000, help="that exist already")
    parser.add_argument("--products", type=int, default=50_000, help="of the batch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partitions", type=int, nargs="*", default=[12, 60])
    options = parser.parse_args()
    scale = replace(SHORT, products=options.products)
    with (
        tempfile.TemporaryDirectory(prefix="catalogd-bench-") as directory,
        EmbeddedServer(embedded_binaries(), settings=SETTINGS, durable=True) as server,
    ):
        arena = Arena(server, Path(directory), scale, Results(about={}))
        arena.prepare(options.catalogue, "split=dev")
        measure_rows(arena)
        with arena.template(FULL) as shop:
            fill(shop, options.predictions * EACH)
        measure_conversion(arena)
        measure_leaving(arena)
        measure_batches(arena, options.predictions, options.partitions, options.rounds)


def measure_rows(arena: Arena) -> None:
    """Bytes of the rows of real decisions, with their indexes, and of their WAL."""
    with arena.shop("contest") as shop, arena.instance(shop, PROGRAM) as daemon:
        ours.warm_up(shop, WARM_UP)
        shop.db.execute("TRUNCATE evidence, predictions CASCADE")
        shop.db.execute("CHECKPOINT")
        _, values = ours.treat_batch(shop, [daemon], ids(shop, arena.scale.products, WARM_UP))
        for table in ("predictions", "evidence"):
            row = shop.db.execute(
                f"SELECT count(*), pg_table_size('{table}') / count(*), pg_indexes_size('{table}') / count(*),"
                f" pg_total_relation_size('{table}') FROM {table}"
            ).fetchone()
            say(f"rows, {table}: count, heap and index bytes each, total: {row}")
        sizes = "SELECT indexrelid::regclass, pg_relation_size(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
        for table in ("predictions", "evidence"):
            say(f"indexes: {shop.db.execute(sizes, (table,)).fetchall()}")
        say(f"batch: {values}")


def measure_conversion(arena: Arena) -> None:
    """With nobody else there, and while a daemon treats a batch and PHP reads and decides."""
    for name in ("alone", "at work"):
        with arena.shop("contest", FULL) as shop:
            began = monotonic()
            if name == "alone":
                tell(name, shop)
            else:
                with arena.instance(shop, PROGRAM, **ours.TRIVIAL), php(shop) as waits:
                    ours.warm_up(shop, WARM_UP)
                    batch_id = ours.insert(shop, ids(shop, arena.scale.products, WARM_UP))
                    shop.wait_until(batch_id, "processed_products > 0")
                    before = len(waits)
                    tell(name, shop)
                    during = waits[before:]
                    shop.wait_until_completed(batch_id)
                verify(shop, [batch_id], arena.scale.products, EACH)
                say(f"PHP's statements meanwhile: p50 {percentile(during, 0.5):.1f} ms, worst {max(during):.0f} ms")
            say(f"conversion, {name}: {monotonic() - began:.2f} s in all")


def measure_leaving(arena: Arena) -> None:
    """A million predictions go: a partition detached, or a DELETE and the VACUUM after it."""
    with arena.shop("contest", FULL) as shop:
        tell("conversion", shop)
        shop.db.execute("UPDATE categorization_batches SET created_at = now()")
        row = shop.db.execute("SELECT max(id) FROM predictions").fetchone()
        assert row is not None
        last = (row[0] // 1_000_000 + 3) * 1_000_000
        shop.db.execute("SELECT setval(pg_get_serial_sequence('predictions', 'id'), %s)", (last,))
        shop.db.execute("UPDATE products SET category_code = (SELECT min(code) FROM categories)")
        shop.db.execute("ALTER TABLE predictions DISABLE TRIGGER ALL")
        shop.db.execute("UPDATE predictions SET created_at = '2020-01-01' WHERE id = (SELECT max(id) FROM predictions)")
        shop.db.execute("ALTER TABLE predictions ENABLE TRIGGER ALL")
        tell("detach", shop, CATALOGD_RETENTION_DAYS="365")
    with arena.shop("contest", FULL) as shop:
        wal = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8"
        for statement in ("DELETE FROM predictions", "VACUUM predictions, evidence"):
            began, before = monotonic(), shop.db.execute(wal).fetchone()
            shop.db.execute(statement)
            after = shop.db.execute(wal).fetchone()
            assert before is not None
            assert after is not None
            say(f"{statement}: {monotonic() - began:.1f} s, {(after[0] - before[0]) / 1e6:,.0f} MB of WAL")


def measure_batches(arena: Arena, predictions: int, counts: list[int], rounds: int) -> None:
    """The same batch on plain tables and on partitioned ones that hold the same number of rows."""
    templates = {"plain": FULL}
    for count in counts:
        name = f"parts_{count}"
        with arena.template(name) as shop:
            divide(shop, predictions, count)
            found = len(read_partitions(shop.db))
        templates[f"{found} partitions"] = name
    costs: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, template in templates.items():
            for kind, decision in (("trivial", ours.TRIVIAL), ("real", ours.REAL)):
                with arena.shop("contest", template) as shop:
                    values = ours.run_batch(arena, shop, arena.scale.products, WARM_UP, decision)
                cost = 1e6 / values["products_per_s"]
                costs.setdefault((name, kind), []).append(cost)
                say(f"batch, {name}, {kind}: {cost:.1f} us per product, {json.dumps(values)}")
            with arena.shop("contest", template) as shop:
                costs.setdefault((name, "one product"), []).append(tiny(arena, shop))
    for (name, kind), found_costs in costs.items():
        low, high = min(found_costs), max(found_costs)
        say(f"RESULT {name}, {kind}: {median(found_costs):.1f} ({low:.1f} to {high:.1f}) us per product")


def tiny(arena: Arena, shop: Shop, batches: int = 100) -> float:
    """Microseconds from insert to completed of one-product batches, one after the other; the median."""
    waits = []
    with arena.instance(shop, PROGRAM, **ours.TRIVIAL):
        ours.warm_up(shop, WARM_UP)
        for product_id in ids(shop, batches, WARM_UP):
            batch_id = ours.insert(shop, [product_id])
            while not ours.is_completed(shop, batch_id):
                pass
            waits.append(shop.duration_s(batch_id))
    return median(waits) * 1e6


def divide(shop: Shop, predictions: int, count: int) -> None:
    """Partitioned tables, with so many partitions that hold the predictions among them."""
    rows, session = predictions // count, Session(shop.dsn, "bench")
    with session.connect() as conn:
        convert(session, conn, rows)
    numbering = "SELECT setval(pg_get_serial_sequence('predictions', 'id'), %s, %s)"
    with session.connect() as conn:
        for number in range(1, count):
            conn.execute(numbering, (number * rows, True))
            extend(session, conn, rows)
        conn.execute(numbering, (1, False))
    fill(shop, predictions * EACH)
    with session.connect() as conn:
        index_what_waits(conn)


def tell(name: str, shop: Shop, **environment: str) -> None:
    shop.environment |= environment | {"CATALOGD_PARTITION_ROWS": "1000000"}
    began = monotonic()
    events = [json.loads(line) for line in shop.run("partition").splitlines()]
    say(f"{name}: {monotonic() - began:.2f} s")
    for event in events:
        say(f"  {event}")


@contextmanager
def php(shop: Shop) -> Iterator[list[float]]:
    """Somebody who reads a prediction and decides on it, again and again: the milliseconds that each took."""
    waits: list[float] = []
    stop = threading.Event()

    def work() -> None:
        with psycopg.connect(shop.dsn, autocommit=True) as conn:
            number = 0
            while not stop.wait(0.002):
                number += 1
                waits.append(timed(lambda: decide(conn, number)))  # noqa: B023

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def decide(conn: psycopg.Connection, number: int) -> None:
    conn.execute("SELECT * FROM predictions WHERE product_id = %s", (number,)).fetchall()
    conn.execute("UPDATE predictions SET status = 'rejected', updated_at = now() WHERE id = %s", (number,))


def timed(act: Callable[[], object]) -> float:
    began = monotonic()
    act()
    return (monotonic() - began) * 1000


if __name__ == "__main__":
    main()
