"""Figures on a real catalogue: accuracy, speed, fairness and memory, from the batch's insert to `completed`.

    make real CATALOGUE=path.csv.gz        (or: python -m bench.real path.csv.gz [--hold-out split=dev])

The file has the columns that `catalogd import` reads, and one that says which rows are held out. Everything runs
against a private server with full durability (fsync, synchronous_commit), by the real commands.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from pathlib import Path
from statistics import median

from bench.figures import Figure, print_table
from bench.processes import memory_mb
from bench.shop import SERVER, Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--hold-out", default="split=dev", metavar="COLUMN=VALUE")
    parser.add_argument("--rounds", type=int, default=3, help="of the 100,000-product batch")
    options = parser.parse_args()
    if not options.catalogue.is_file():
        parser.error(f"no such file: {options.catalogue}")
    truth = read_truth(options.catalogue, *options.hold_out.split("=", 1))
    with EmbeddedServer(embedded_binaries(), settings=SERVER, durable=True) as server:
        shop = Shop(server.dsn())
        figures = measure(shop, options, truth)
    print_table(figures)
    return 0


def read_truth(catalogue: Path, column: str, value: str) -> dict[str, str]:
    """The category of each held-out product, by SKU."""
    read = gzip.open if catalogue.suffix == ".gz" else open
    with read(catalogue, "rt", encoding="utf-8", newline="") as lines:
        return {row["sku"]: row["category_code"] for row in csv.DictReader(lines) if row[column] == value}


def measure(shop: Shop, options: argparse.Namespace, truth: dict[str, str]) -> list[Figure]:
    say(shop.run("migrate", "--with-stand-in"))
    say(shop.run("import", str(options.catalogue), "--hold-out", options.hold_out))
    say(shop.run("learn"))
    figures = [*measure_predictions(shop, truth)]
    shop.grow(110_000)
    figures += measure_speed(shop, options.rounds)
    figures += measure_fairness(shop)
    figures += measure_memory(shop)
    return figures


def measure_predictions(shop: Shop, truth: dict[str, str]) -> list[Figure]:
    """The held-out products as one batch, compared with what their category is."""
    with shop.daemon():
        batch_id = shop.insert("SELECT id FROM products WHERE category_code IS NULL")
        shop.wait_until_completed(batch_id)
    rows = shop.db.execute(
        """
        SELECT product.sku, prediction.suggested_category_code, prediction.confidence_score::float8,
               (SELECT count(*) FROM evidence WHERE prediction_id = prediction.id)
        FROM predictions AS prediction
        JOIN products AS product ON product.id = prediction.product_id
        WHERE prediction.batch_id = %s
        """,
        (batch_id,),
    ).fetchall()
    whole = len(rows) == len(truth) == len({row[0] for row in rows}) and all(row[3] for row in rows)
    right = sum(truth[sku] == code for sku, code, _, _ in rows)
    high = [truth[sku] == code for sku, code, confidence, _ in rows if confidence >= 90]
    accuracy = right / len(truth)
    coverage, precision = len(high) / len(rows), sum(high) / max(len(high), 1)
    say(f"confidence >= 90: {coverage:.3f} of the products, {precision:.3f} of them right")
    return [
        Figure(
            "held-out products with one prediction and evidence", "100 %", f"{len(rows):,} of {len(truth):,}", whole
        ),
        Figure("top-1 accuracy, all fields", ">= 0.90", f"{accuracy:.3f}", accuracy >= 0.90),
    ]


def measure_speed(shop: Shop, rounds: int) -> list[Figure]:
    rates = []
    for _ in range(rounds):
        probe = shop.commit_probe()
        with shop.daemon():
            batch_id = shop.insert("SELECT id FROM products ORDER BY id LIMIT 100000")
            shop.wait_until_completed(batch_id)
        rates.append(100_000 / shop.duration_s(batch_id))
        say(f"100,000 products: {rates[-1]:,.0f} products/s (commit probe {probe:,.0f}/s)")
    middle = median(rates)
    measured = f"{middle:,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
    return [Figure("products/s end to end, one process", ">= 5,000", measured, middle >= 5_000)]


def measure_fairness(shop: Shop) -> list[Figure]:
    """Ten-product batches, each inserted while a 100,000-product batch is under way."""
    waits = []
    with shop.daemon():
        big = shop.insert("SELECT id FROM products ORDER BY id LIMIT 100000")
        shop.wait_until(big, "processed_products > 0")
        for round_ in range(8):
            small = shop.insert(f"SELECT id FROM products ORDER BY id DESC LIMIT 10 OFFSET {round_ * 10}")
            shop.wait_until_completed(small)
            waits.append(shop.duration_s(small))
        still_open = shop.db.execute("SELECT status FROM categorization_batches WHERE id = %s", (big,)).fetchone()
        shop.wait_until_completed(big)
    measured = f"median {median(waits):.2f} s, worst {max(waits):.2f} s"
    is_valid = still_open == ("processing",)
    return [
        Figure(
            "ten products behind 100,000",
            "< 1 s",
            measured if is_valid else "not measured",
            max(waits) < 1 and is_valid,
        )
    ]


def measure_memory(shop: Shop) -> list[Figure]:
    """Peak resident memory of a fresh daemon for each size."""
    peaks = {}
    for size in (10_000, 100_000):
        with shop.daemon() as pid:
            shop.wait_until_completed(shop.insert(f"SELECT id FROM products ORDER BY id LIMIT {size}"))
            peaks[size] = memory_mb(pid, "VmHWM")
    small, big = peaks[10_000], peaks[100_000]
    measured = f"{small:.0f} MB and {big:.0f} MB ({(big / small - 1) * 100:+.1f} %)"
    return [Figure("peak memory, 10,000 and 100,000 products", "within 10 %", measured, big <= small * 1.1)]


if __name__ == "__main__":
    sys.exit(main())
