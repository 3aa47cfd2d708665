"""How long the server works on each page: 10,000 batches, a million predictions, 10,000 decisions.

    make web-bench        (or: python -m bench.web [--requests 200] [--batches 10000] [--predictions 1000000])

The rows are made by SQL, on a durable private server; pages are asked for over HTTP, one after the other, and the
time is that from request to the whole answer. Beside them a commit of one row is measured: how busy the machine is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles
from time import perf_counter

import httpx
import psycopg

from bench.shop import SERVER, Shop, say
from daemon.database.embedded import EmbeddedServer, embedded_binaries
from daemon.database.pool import Session
from daemon.web import views
from daemon.web.server import PageServer
from daemon.web.settings import Access, Address
from daemon.workloads.categorization.pages import models

LONGEST_MS = 100.0
LARGE = 100_000  # predictions of one batch
OPEN = 60
DECIDED = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200, help="for each page")
    parser.add_argument("--batches", type=int, default=10_000)
    parser.add_argument("--predictions", type=int, default=1_000_000)
    options = parser.parse_args()
    with EmbeddedServer(embedded_binaries(), settings=SERVER, durable=True) as server:
        shop = Shop(server.dsn())
        shop.run("migrate", "--with-stand-in")
        large = fill(shop.db, options.batches, options.predictions)
        with served(server.dsn()) as ask:
            slowest = measure(ask, shop.db, pages(shop.db, large), options.requests)
        shop.db.close()
    return 0 if slowest <= LONGEST_MS else 1


def fill(db: psycopg.Connection, batches: int, predictions: int) -> int:
    """Returns the number of the batch with LARGE predictions; the others share the rest."""
    began = perf_counter()
    each = (predictions - LARGE) // batches
    db.execute("SET synchronous_commit = off")
    db.execute("ALTER TABLE predictions DISABLE TRIGGER ALL")
    db.execute("ALTER TABLE evidence DISABLE TRIGGER ALL")
    db.execute("INSERT INTO users (id, name) SELECT i, 'user ' || i FROM generate_series(1, 20) AS i")
    db.execute(
        "INSERT INTO products (sku, name, manufacturer) SELECT 'SKU-' || i, 'steel hammer ' || i, 'Hitwell'"
        " FROM generate_series(1, %s) AS i",
        (max(LARGE, 10_000),),
    )
    db.execute(
        "INSERT INTO categorization_batches (product_ids, status, total_products, processed_products,"
        " success_products, error_products, created_by, created_at, started_at, completed_at, error_message)"
        " SELECT (SELECT jsonb_agg(1 + (i + k) %% 10000) FROM generate_series(1, %(each)s) AS k),"
        " CASE WHEN i > %(batches)s - %(open)s THEN 'processing' WHEN i %% 97 = 0 THEN 'failed'"
        " WHEN i %% 89 = 0 THEN 'cancelled' ELSE 'completed' END,"
        " %(each)s, CASE WHEN i > %(batches)s - %(open)s THEN %(each)s / 2 ELSE %(each)s END,"
        " %(each)s - i %% 7 / 6 * 3,"
        " i %% 7 / 6 * 3, 1 + i %% 20, at - interval '200 ms', at, CASE WHEN i <= %(batches)s - %(open)s"
        " THEN at + interval '3 s' END, CASE WHEN i %% 97 = 0 THEN 'product_ids is no array' END"
        " FROM generate_series(1, %(batches)s) AS i,"
        " LATERAL (SELECT now() - (%(batches)s - i) * interval '700 ms' AS at) AS t",
        {"each": each, "batches": batches, "open": OPEN},
    )
    insert = (
        "INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label,"
        " confidence_score, confidence_level, status, model_version, alternatives)"
        " SELECT product_id, batch_id, 'hammers', 'Hammers', sure,"
        " CASE WHEN sure >= 90 THEN 'high' WHEN sure >= 60 THEN 'medium' ELSE 'low' END, 'pending', 1,"
        """ '[{"code": "pipes", "label": "Pipes", "probability": 3.1}]' FROM (%s) AS wanted"""
    )
    sure = "round((10 + 90 * power(random(), 0.15))::numeric, 2) AS sure"
    db.execute(
        (insert % f"SELECT 1 + (i + k) %% 10000 AS product_id, i AS batch_id, {sure}"
         " FROM generate_series(1, %(batches)s) AS i, generate_series(1, %(each)s) AS k"),
        {"batches": batches, "each": each},
    )  # fmt: skip
    row = db.execute(
        "INSERT INTO categorization_batches (product_ids, status, total_products, processed_products,"
        " success_products, error_products, created_at, started_at, completed_at)"
        " SELECT jsonb_agg(k), 'completed', %s, %s, %s, 5000, now(),"
        " now(), now() + interval '10 s' FROM generate_series(1, %s) AS k RETURNING id",
        (LARGE + 5_000, LARGE + 5_000, LARGE, LARGE),
    ).fetchone()
    assert row is not None
    large: int = row[0]
    db.execute(insert % f"SELECT k AS product_id, {large} AS batch_id, {sure} FROM generate_series(1, {LARGE}) AS k")
    db.execute(
        "INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)"
        " SELECT id, 'name', 'Name', 'steel hammer', 0.3 FROM predictions, generate_series(1, 3)"
    )
    db.execute(
        "INSERT INTO categorization_errors (batch_id, item, code, message)"
        " SELECT i, to_jsonb(k), 'unknown_product', 'none'"
        " FROM generate_series(6, %s, 7) AS i, generate_series(1, 3) AS k UNION ALL SELECT %s, to_jsonb(k),"
        " CASE k %% 3 WHEN 0 THEN 'not_an_id' ELSE 'unknown_product' END, 'none' FROM generate_series(1, 5000) AS k",
        (batches, large),
    )
    db.execute(
        "INSERT INTO human_decisions (product_id, prediction_id, verdict, predicted_category_code, right_category_code,"
        " is_right, confidence_score, confidence_level, model_version, decided_at)"
        " SELECT product_id, id, 'approved', 'hammers', 'hammers', random() < confidence_score / 100, confidence_score,"
        " confidence_level, 1 + id %% 2, now() - (id %% 60) * interval '1 day' FROM predictions WHERE id %% %s = 0",
        (predictions // DECIDED,),
    )
    db.execute(
        "INSERT INTO categorization_models (products, categories, report, content, promoted_at)"
        ' SELECT 100000, 400, \'{"judged": {"top1": 0.95, "coverage": 0.9, "precision": 0.99}}\', \'\', now()'
        " FROM generate_series(1, 10)"
    )
    db.execute("ALTER TABLE predictions ENABLE TRIGGER ALL")
    db.execute("ALTER TABLE evidence ENABLE TRIGGER ALL")
    db.execute("VACUUM ANALYZE")
    say(f"{batches:,} batches and {predictions:,} predictions made in {perf_counter() - began:.0f} s")
    return large


def pages(db: psycopg.Connection, large: int) -> dict[str, str]:
    usual = f"/batches/categorization/{large // 2}"
    big = f"/batches/categorization/{large}"
    return {
        "overview": "/",
        "batches": "/batches",
        "batches, a late page": f"/batches?before={large // 4}",
        "batches, failed": "/batches?status=failed",
        "batches, with errors": "/batches?errors=1",
        "batches, by words that none has": "/batches?text=no+such+words",
        "a batch": usual,
        "a batch, surest first": f"{usual}?order=sure",
        "a batch of 100,000": big,
        "its low ones": f"{big}?level=low",
        "its next page": f"{big}?after=0_50000&order=product",
        "its errors of a code, late": f"{big}?code=not_an_id&after=4000",
        "models": "/categorization/models",
    }


@contextmanager
def served(dsn: str) -> Iterator[Callable[[str], None]]:
    """What asks for a page."""
    server = PageServer(Access(Address("127.0.0.1", 0), frozenset()), Session(dsn, "catalogd bench"), "bench")
    server.bind()
    server.start()
    try:
        with httpx.Client(base_url=server.place, timeout=60) as client:

            def ask(path: str) -> None:
                client.get(path).raise_for_status()

            yield ask
    finally:
        server.stop()


def measure(ask: Callable[[str], None], db: psycopg.Connection, wanted: dict[str, str], requests: int) -> float:
    """Prints a table; returns the longest 95th percentile, in ms."""
    db.execute("SET synchronous_commit = on")
    db.execute("CREATE TABLE probe (a int)")
    slowest = 0.0
    say(f"{'page':34}{'p50 ms':>10}{'p95 ms':>10}{'first ms':>10}")
    views.HOUR_LASTS_S = models.LASTS_S = 0.0  # nothing is shown as it was read for somebody else: the worst case
    for name, path in wanted.items():
        times = [timed(lambda path=path: ask(path)) for _ in range(requests + 3)]  # type: ignore[misc]
        middle, late = percentiles(times[3:])
        slowest = max(slowest, late)
        say(f"{name:34}{middle:10.1f}{late:10.1f}{times[0]:10.1f}")
    middle, late = percentiles([timed(lambda: db.execute("INSERT INTO probe VALUES (1)")) for _ in range(requests)])
    say(f"{'beside: a commit of one row':34}{middle:10.1f}{late:10.1f}")
    return slowest


def timed(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return (perf_counter() - began) * 1000


def percentiles(times: list[float]) -> tuple[float, float]:
    cuts = quantiles(times, n=100)
    return cuts[49], cuts[94]


if __name__ == "__main__":
    raise SystemExit(main())
