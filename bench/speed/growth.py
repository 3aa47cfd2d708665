"""As work grows: a big batch against a small one, small ones behind a big one, tables that are full already."""

from __future__ import annotations

import threading
from time import monotonic

from bench.shop import Shop
from bench.speed import ours
from bench.speed.arena import WARM_UP, Arena, Wrong, ids, verify, wait
from bench.speed.instance import PROGRAM
from bench.speed.samples import percentile
from bench.speed.work import trivial_decision

BIG = "big"  # a shop with products enough for the big batch
SMALL_BATCHES = 5  # one after the other: a small batch alone is over too soon to be measured
EVERY_S = 0.3  # a ten-product batch
TEN = 10
UNTOUCHED, VACUUMED = "never vacuumed", "empty and vacuumed"


def measure_size(arena: Arena) -> None:
    """The cost per product, and the peak of memory, by the size of the batch. The real decision."""
    make_big_shop(arena)
    for number in range(1, arena.scale.side_rounds + 1):
        with arena.shop("contest", BIG) as shop:
            arena.record("size", f"{arena.scale.small:,} products", number, **_run_small(arena, shop))
        with arena.shop("contest", BIG) as shop:
            values = ours.run_batch(arena, shop, arena.scale.big, WARM_UP, ours.REAL)
            values["us_per_product"] = 1e6 / values["products_per_s"]
            arena.record("size", f"{arena.scale.big:,} products", number, **values)


def _run_small(arena: Arena, shop: Shop) -> dict[str, float]:
    """Several small batches; the memory is that after the first."""
    count, took_s, peak_mb = arena.scale.small, 0.0, 0.0
    with arena.instance(shop, PROGRAM) as daemon:
        ours.warm_up(shop, WARM_UP)
        shop.db.execute("CHECKPOINT")
        for batch in range(SMALL_BATCHES):
            batch_id, values = ours.treat_batch(shop, [daemon], ids(shop, count, WARM_UP + batch * count))
            took_s += count / values["products_per_s"]
            peak_mb = peak_mb or daemon.peak_memory_mb
            verify(shop, [batch_id], count)
    return {"us_per_product": took_s / (SMALL_BATCHES * count) * 1e6, "peak_mb": peak_mb}


def measure_first(arena: Arena) -> None:
    """A shop's very first batch, in tables that nobody has vacuumed yet, and in tables known to be empty.

    A plan made for an empty table, kept by a session, would be slow in a full one. The trivial decision.
    """
    for number in range(1, arena.scale.side_rounds + 1):
        for name in (UNTOUCHED, VACUUMED):
            with arena.shop("contest") as shop:
                if name == VACUUMED:
                    shop.db.execute("VACUUM ANALYZE predictions, evidence, batch_slices, categorization_batches")
                with arena.instance(shop, PROGRAM, **ours.TRIVIAL) as daemon:
                    chosen = ids(shop, arena.scale.products, WARM_UP)
                    batch_id, values = ours.treat_batch(shop, [daemon], chosen)
                verify(shop, [batch_id], arena.scale.products, len(trivial_decision().evidence))
                arena.record("first", name, number, **values)


def measure_fairness(arena: Arena) -> None:
    """Ten-product batches, one after the other, while the big one is under way."""
    make_big_shop(arena)
    with arena.shop("contest", BIG) as shop, arena.instance(shop) as daemon:
        ours.warm_up(shop, WARM_UP)
        chosen = ids(shop, arena.scale.big + arena.scale.fair * TEN, WARM_UP)
        big = ours.insert(shop, chosen[: arena.scale.big])
        shop.wait_until(big, "processed_products > 0")
        waits, batch_ids = [], []
        for number in range(arena.scale.fair):
            part = chosen[arena.scale.big + number * TEN :][:TEN]
            began = monotonic()
            batch_ids.append(ours.insert(shop, part))
            wait(lambda: ours.is_completed(shop, batch_ids[-1]), 0.002, 60, "the small batch's end")
            waits.append(monotonic() - began)
            if ours.is_completed(shop, big):
                waits.pop()  # it may have been alone
                batch_ids.pop()
                break
            threading.Event().wait(EVERY_S)
        if len(waits) < 5:
            raise Wrong(f"the big batch was over after {len(waits)} small ones")
        values = {"p50_s": percentile(waits, 0.5), "p95_s": percentile(waits, 0.95), "worst_s": max(waits)}
        wait(lambda: ours.is_completed(shop, big), 0.1, ours.PATIENCE_S, "the big batch's end")
        verify(shop, batch_ids, len(batch_ids) * TEN)
        verify(shop, [big], arena.scale.big)
        arena.record("fairness", "catalogd", 1, **values, batches=len(waits), peak_mb=daemon.peak_memory_mb)


def make_big_shop(arena: Arena) -> None:
    if not arena.has(BIG):
        with arena.template(BIG) as shop:
            shop.grow(max(arena.scale.big, SMALL_BATCHES * arena.scale.small) + arena.scale.fair * TEN + WARM_UP)


def measure_grown(arena: Arena) -> None:
    """The same batch after so many evidence rows exist, of predictions that people have decided on; and once more for
    products whose predictions are still pending, which it supersedes. The trivial decision."""
    templates = {f"{rows:,} evidence rows": (f"grown_{rows}", rows) for rows in arena.scale.grown}
    for template, rows in templates.values():
        with arena.template(template) as shop:
            fill(shop, rows)
    for number in range(1, arena.scale.side_rounds + 1):
        for name, (template, rows) in templates.items():
            with arena.shop("contest", template) as shop:
                values = ours.run_batch(arena, shop, arena.scale.products, WARM_UP, ours.TRIVIAL)
                arena.record("grown", name, number, **values, evidence_rows=rows)
                if not rows:
                    again = ours.run_batch(arena, shop, arena.scale.products, WARM_UP, ours.TRIVIAL)
                    arena.record("grown", "superseding", number, **again)
    for template, _ in templates.values():
        arena.drop(template)


def fill(shop: Shop, evidence_rows: int) -> None:
    """Old batches, each of all products, until there are so many evidence rows. Foreign keys are not checked."""
    each = len(trivial_decision().evidence)
    row = shop.db.execute("SELECT count(*) FROM products").fetchone()
    assert row is not None
    predictions = evidence_rows // each
    batches = -(-predictions // row[0])
    shop.db.execute("SET session_replication_role = replica")
    shop.db.execute(
        "INSERT INTO categorization_batches (id, status, total_products, completed_at)"
        " OVERRIDING SYSTEM VALUE SELECT -i, 'completed', 0, now() FROM generate_series(1, %s) AS i",
        (batches,),
    )
    shop.db.execute(
        """
        INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label,
                                 confidence_score, confidence_level, status, model_version)
        SELECT product.id, -batch, %(code)s, %(label)s, %(confidence)s, %(level)s, 'approved', 1
        FROM generate_series(1, %(batches)s) AS batch
        CROSS JOIN (SELECT id FROM products ORDER BY id) AS product
        LIMIT %(predictions)s
        """,
        {
            **{"batches": batches, "predictions": predictions},
            **{name: getattr(trivial_decision(), name) for name in ("code", "label", "confidence", "level")},
        },
    )
    types, labels, texts, weights = (list(column) for column in zip(*trivial_decision().evidence, strict=True))
    shop.db.execute(
        """
        INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)
        SELECT prediction.id, reason.*
        FROM predictions AS prediction
        CROSS JOIN unnest(%s::text[], %s::text[], %s::text[], %s::numeric[]) AS reason
        """,
        (types, labels, texts, weights),
    )
    shop.db.execute("RESET session_replication_role")
    shop.db.execute("VACUUM ANALYZE")
