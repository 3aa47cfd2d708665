"""Results as figures beside what is to be reached, and as a document."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from string import Template

from bench.figures import Figure, table
from bench.speed import trigger
from bench.speed.samples import Results, Spread

TRIVIAL, REAL, NAIVE = "catalogd, trivial decision", "catalogd", "naive script"
L1, L1_REAL = "L1", "L1 of the real rows"
PYTHON_PEERS = ("procrastinate", "pgqueuer", "chancy")
ROWS_TO_BEAR = 50_000_000  # evidence rows

TEMPLATE = Path(__file__).with_name("performance.md.template")

Reached = Callable[[float], bool]


def figures(results: Results) -> list[Figure]:
    """Every line of the table, whether it was measured or not."""
    ratio = results.ratio
    return [
        _ratio(
            f"one batch of {_count(results, 'products')} products, trivial decision: rate against L1",
            ratio("batch", TRIVIAL, L1, "products_per_s"),
            1.2,
            _rate(results, TRIVIAL),
        ),
        _ratio(
            f"the same with the real decision ({results.about.get('catalogue', '?')})",
            ratio("batch", REAL, L1_REAL, "products_per_s"),
            0.7,
            _rate(results, REAL),
        ),
        _ratio("against the naive script", ratio("batch", TRIVIAL, NAIVE, "products_per_s"), 20),
        _tiny(results),
        *_pickup(results),
        _at_most("insert → `completed`, one product, p50", results.spread("completed", REAL, "p50_ms"), 5.0, "ms"),
        *_idle(results),
        *(_trigger(results, clients) for clients in (1, 16)),
        *_size(results),
        _grown(results),
        _first(results),
        _instances(results),
        _fairness(results),
        _at_most("`catalogd --help`", results.spread("start", REAL, "help_s"), 0.25, "s"),
        _at_most("start to READY", results.spread("start", REAL, "ready_s"), 1.0, "s"),
        *_learning(results),
    ]


def _count(results: Results, name: str) -> str:
    scale = results.about.get("scale")
    return f"{scale[name]:,}" if isinstance(scale, Mapping) else "?"


def _not_measured(name: str, wanted: str) -> Figure:
    return Figure(name, wanted, "not measured", None)


def _at_most(name: str, found: Spread | None, most: float, unit: str) -> Figure:
    wanted = f"<= {most:g} {unit}"
    if found is None:
        return _not_measured(name, wanted)
    return Figure(name, wanted, f"{found.tell('.3g')} {unit}", found.median <= most)


def _ratio(name: str, found: Spread | None, least: float, beside: str = "") -> Figure:
    wanted = f">= {least:g}"
    if found is None:
        return _not_measured(name, wanted)
    return Figure(name, wanted, found.tell(".2f") + (f"; {beside}" if beside else ""), found.median >= least)


def _rate(results: Results, competitor: str) -> str:
    found = results.spread("batch", competitor, "products_per_s")
    return f"{found.median:,.0f} products/s" if found else ""


def _best(results: Results, case: str, names: Iterable[str], measure: str, *, most: bool) -> tuple[str, Spread] | None:
    found = {name: spread for name in names if (spread := results.spread(case, name, measure))}
    if not found:
        return None
    choose = max if most else min
    return choose(found.items(), key=lambda each: each[1].median)


def _peers(results: Results, case: str) -> list[str]:
    return [name for name in results.competitors(case) if not name.startswith("catalogd")]


def _tiny(results: Results) -> Figure:
    name = "one-product batches, drained: rate against the best Python peer"
    best = _best(results, "tiny", PYTHON_PEERS, "batches_per_s", most=True)
    own = results.spread("tiny", TRIVIAL, "batches_per_s")
    if best is None or own is None:
        return _not_measured(name, ">= 3")
    beside = f"{own.median:,.0f} batches/s, {best[0]} {best[1].median:,.0f}"
    return _ratio(name, results.ratio("tiny", TRIVIAL, best[0], "batches_per_s"), 3.0, beside)


def _pickup(results: Results) -> Iterable[Figure]:
    for measure, most in (("p50_ms", 1.0), ("p99_ms", 4.0)):
        name = f"pickup on an idle daemon, {measure.removesuffix('_ms')}"
        wanted = f"<= {most:g} ms, and not above the best peer"
        own = results.spread("pickup", REAL, measure)
        best = _best(results, "pickup", _peers(results, "pickup"), measure, most=False)
        if own is None:
            yield _not_measured(name, wanted)
            continue
        beside = f"; {best[0]} {best[1].tell('.3g')} ms" if best else "; no peer"
        is_reached = own.median <= most and (best is None or own.median <= best[1].median)
        yield Figure(name, wanted, f"{own.tell('.3g')} ms{beside}", is_reached)


def _idle(results: Results) -> Iterable[Figure]:
    for measure, name, most, form in (
        ("statements_per_min", "at rest: statements per minute", 2.0, ".1f"),
        ("cpu_s_per_min", "at rest: CPU seconds per minute", 0.02, ".4f"),
    ):
        own = results.spread("idle", REAL, measure)
        best = _best(results, "idle", _peers(results, "idle"), measure, most=False)
        if own is None:
            yield _not_measured(name, f"<= {most:g}")
            continue
        beside = f"; {best[0]} {best[1].tell(form)}" if best else "; no peer"
        yield Figure(name, f"<= {most:g}", own.tell(form) + beside, own.median <= most)


def _trigger(results: Results, clients: int) -> Figure:
    name = f"PHP's inserts with the trigger against without, {clients} client{'s' * (clients > 1)}"
    case = f"trigger, {clients}"
    found = results.ratio(case, trigger.BELL, trigger.BARE, "inserts_per_s")
    silent = results.ratio(case, trigger.SILENT, trigger.BARE, "inserts_per_s")
    own = results.spread(case, trigger.BELL, "inserts_per_s")
    if found is None or silent is None or own is None:
        return _not_measured(name, "measured")
    told = f"{found.tell('.2f')}; {own.median:,.0f} inserts/s; {silent.tell('.2f')} with {trigger.SILENT}"
    return Figure(name, "measured", told, None)


def _size(results: Results) -> Iterable[Figure]:
    sizes = results.competitors("size")
    small, big = sizes if len(sizes) == 2 else ("10,000 products", "1,000,000 products")
    for measure, name in (("us_per_product", "cost per product"), ("peak_mb", "peak memory")):
        line = f"one batch of {big}: {name} against {small}"
        found = results.ratio("size", big, small, measure)
        own = results.spread("size", big, measure)
        if found is None or own is None:
            yield _not_measured(line, "<= 1.1")
            continue
        beside = f"{own.median:,.0f} {'µs' if measure == 'us_per_product' else 'MB'}"
        yield Figure(line, "<= 1.1", f"{found.tell('.2f')}; {beside}", found.median <= 1.1)


def _grown(results: Results) -> Figure:
    """The cost with the most rows against that with none, and what the trend says of 50 million."""
    wanted = "<= 1.3"
    points = grown_costs(results)
    if not points:
        return _not_measured("cost per product in tables that have grown", wanted)
    rows, cost = points[-1]
    name = f"cost per product after {rows:,.0f} evidence rows against none"
    expected = extrapolated(points, ROWS_TO_BEAR)
    if expected is None:
        return Figure(name, wanted, f"{cost:.2f}", cost <= 1.3)
    measured = f"{cost:.2f}; by the trend {expected:.2f} at {ROWS_TO_BEAR:,}"
    return Figure(name, wanted, measured, max(cost, expected) <= 1.3)


def grown_costs(results: Results) -> list[tuple[float, float]]:
    """Evidence rows, and the cost per product against no rows, by rows; empty where that was not measured."""
    sizes = [name for name in results.competitors("grown") if name.endswith("rows")]
    bare = next((name for name in sizes if results.by_round("grown", name, "evidence_rows").get(1) == 0), None)
    if bare is None:
        return []
    points = []
    for name in sizes:
        rows = results.spread("grown", name, "evidence_rows")
        slower = results.ratio("grown", bare, name, "products_per_s")
        if rows and slower and rows.median:
            points.append((rows.median, slower.median))
    return sorted(points)


def extrapolated(points: list[tuple[float, float]], rows: float) -> float | None:
    """The cost at so many rows: a B-tree grows by levels, so the cost is a line over the logarithm of the rows.

    By least squares; None of fewer than two points.
    """
    if len(points) < 2:
        return None
    logs, costs = [math.log10(count) for count, _ in points], [cost for _, cost in points]
    middle, mean = sum(logs) / len(logs), sum(costs) / len(costs)
    slope = sum((x - middle) * (y - mean) for x, y in zip(logs, costs, strict=True)) / sum(
        (x - middle) ** 2 for x in logs
    )
    return mean + slope * (math.log10(rows) - middle)


def _first(results: Results) -> Figure:
    name = "a shop's first batch: rate in tables that are empty and vacuumed against never vacuumed"
    found = results.ratio("first", "empty and vacuumed", "never vacuumed", "products_per_s")
    if found is None:
        return _not_measured(name, "measured")
    return Figure(name, "measured", found.tell(".2f"), None)


def _instances(results: Results) -> Figure:
    found = results.ratio("instances", "2", "1", "products_per_s")
    return _ratio("two instances against one, heavy decision", found, 1.8, str(results.about.get("instances", "")))


def _fairness(results: Results) -> Figure:
    name = f"ten products behind {_count(results, 'big')}: insert → completed, p95"
    return _at_most(name, results.spread("fairness", REAL, "p95_s"), 0.5, "s")


def _learning(results: Results) -> Iterable[Figure]:
    products = results.spread("learning", REAL, "products")
    name = f"learning from {products.median:,.0f} products" if products else "learning"
    yield _at_most(f"{name}: time", results.spread("learning", REAL, "took_s"), 30, "s")
    yield _at_most(f"{name}: peak memory", results.spread("learning", REAL, "peak_mb"), 600, "MB")


def details(results: Results, case: str) -> str:
    """Every competitor of a case with all that was measured, in Markdown."""
    names = results.competitors(case)
    own = [sample for sample in results.samples if sample.case == case]
    measures = list(dict.fromkeys(measure for sample in own for measure in sample.values))
    lines = [
        "| " + " | ".join(["", *(measure.replace("_", " ") for measure in measures), "commit probe /s"]) + " |",
        "| --- |" + " --- |" * (len(measures) + 1),
    ]
    for name in names:
        spreads = [results.spread(case, name, measure) for measure in measures]
        probes = Spread.of(sample.probe for sample in own if sample.competitor == name)
        cells = [_cell(spread) for spread in [*spreads, probes]]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _cell(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return spread.tell(",.0f" if abs(spread.median) >= 100 else ".3g")


def document(results: Results) -> str:
    """docs/performance.md: the words of the template around what was measured."""
    cases = dict.fromkeys(sample.case for sample in results.samples)
    absent = [f"- {name}: {reason}" for name, reason in results.absent.items()]
    absent += [f"- failed: {failure}" for failure in results.failed]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        table=table(figures(results)),
        about="\n".join(f"- {name}: {_told(value)}" for name, value in results.about.items()),
        absent="\n".join(["Absent from this run, or from a case of it:", "", *absent])
        if absent
        else "No peer was absent.",
        details="\n\n".join(f"### {case}\n\n{details(results, case)}" for case in cases),
        costs="\n\n".join(f"### {name}\n\n{_table_of(rows)}" for name, rows in results.notes.items()),
    )


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {each}" for name, each in value.items())
    return str(value)


def _table_of(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in body)])
