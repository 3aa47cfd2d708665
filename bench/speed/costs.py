"""Where the time of one batch goes: the server's statements, the daemon's functions, updates and their kind."""

from __future__ import annotations

import json

from bench.shop import Shop, say
from bench.speed import ours
from bench.speed.arena import COUNTER, WARM_UP, Arena, ids, verify
from bench.speed.instance import PROGRAM

SHOWN = 15

STATEMENTS = f"""
    SELECT left(regexp_replace(regexp_replace(query, '--[^\\n]*', '', 'g'), '[[:space:]|]+', ' ', 'g'), 90), calls,
           (total_exec_time * 1000 / %(count)s)::float8, (wal_bytes / %(count)s)::float8
    FROM {COUNTER}
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = %(database)s)
    ORDER BY total_exec_time DESC
    LIMIT {SHOWN}"""
UPDATES = """
    SELECT relname, n_tup_ins, n_tup_upd, coalesce(n_tup_hot_upd::float8 / nullif(n_tup_upd, 0), 0), n_tup_del
    FROM pg_stat_user_tables
    WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
    ORDER BY relname"""


def measure(arena: Arena) -> None:
    """With the trivial decision and with the real one. Counting takes time: no figure comes from here."""
    for name, decision in (("trivial decision", ours.TRIVIAL), ("real decision", ours.REAL)):
        with arena.shop("contest") as shop:
            arena.count_statements_in(shop)
            _measure(arena, shop, name, decision)


def _measure(arena: Arena, shop: Shop, name: str, decision: dict[str, str]) -> None:
    count, file = arena.scale.products, arena.directory / "profile.json"
    with arena.instance(shop, PROGRAM, BENCH_PROFILE=str(file), **decision) as daemon:
        ours.warm_up(shop, WARM_UP)
        arena.forget_statements()
        batch_id, values = ours.treat_batch(shop, [daemon], ids(shop, count, WARM_UP))
        statements = arena.query(STATEMENTS, {"count": count, "database": shop.db.info.dbname})
    verify(shop, [batch_id], count)
    say(f"costs, {name}: {values['products_per_s']:,.0f} products/s while they were counted")
    notes = arena.results.notes
    notes[f"The server's statements, {name}"] = [
        ["statement", "calls", "µs per product", "WAL bytes per product"],
        *([f"`{query.strip()}`", f"{calls:,}", f"{us:.2f}", f"{wal:,.0f}"] for query, calls, us, wal in statements),
    ]
    notes[f"Rows written, {name}"] = [
        ["table", "inserted", "updated", "of these heap-only", "deleted"],
        *(
            [table, f"{inserted:,}", f"{updated:,}", f"{hot:.0%}", f"{deleted:,}"]
            for table, inserted, updated, hot, deleted in shop.db.execute(UPDATES).fetchall()
        ),
    ]
    seen = json.loads(file.read_text(encoding="utf-8"))
    total = sum(seen.values()) or 1
    notes[f"The daemon's worker threads, {name}"] = [
        ["where", "share of the looks at a busy worker"],
        *([f"`{place}`", f"{looks / total:.1%}"] for place, looks in list(seen.items())[:SHOWN]),
    ]
