from __future__ import annotations

from dataclasses import asdict

import pytest

from bench.figures import Figure, table
from bench.speed import report
from bench.speed.__main__ import SHORT
from bench.speed.chart import panels
from bench.speed.samples import Results, Sample

TRIVIAL, REAL = report.TRIVIAL, report.REAL


def results(*samples: tuple[str, str, dict[str, float]]) -> Results:
    """One round of these."""
    found = [Sample(case, competitor, 1, 3000.0, values) for case, competitor, values in samples]
    return Results(about={"scale": asdict(SHORT), "catalogue": "catalogue.csv"}, samples=found)


def figure(found: Results, beginning: str) -> Figure:
    (only,) = [each for each in report.figures(found) if each.name.startswith(beginning)]
    return only


def test_nothing_measured_is_told_line_by_line_and_reaches_nothing() -> None:
    found = report.figures(results())
    assert len(found) == 21
    assert {(each.measured, each.is_reached) for each in found} == {("not measured", None)}


def test_marks() -> None:
    lines = table([Figure("a", "1", "1", True), Figure("b", "1", "2", False), Figure("c", "", "", None)]).splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["✓", "✗", "–"]


@pytest.mark.parametrize(("rate", "is_reached"), [(12_000, True), (11_900, False)])
def test_the_batch_is_held_against_the_limit(rate: float, is_reached: bool) -> None:
    found = results(("batch", report.L1, {"products_per_s": 10_000}), ("batch", TRIVIAL, {"products_per_s": rate}))
    assert figure(found, "one batch of 100,000 products, trivial").is_reached is is_reached


@pytest.mark.parametrize(("rate", "is_reached"), [(7_000, True), (6_900, False)])
def test_the_real_decision_is_held_against_the_limit_of_its_own_rows(rate: float, is_reached: bool) -> None:
    found = results(
        ("batch", report.L1, {"products_per_s": 1}),
        ("batch", report.L1_REAL, {"products_per_s": 10_000}),
        ("batch", REAL, {"products_per_s": rate}),
    )
    assert figure(found, "the same with the real decision").is_reached is is_reached


def test_tiny_batches_are_held_against_the_best_python_peer() -> None:
    found = results(
        ("tiny", TRIVIAL, {"batches_per_s": 3_000}),
        ("tiny", "procrastinate", {"batches_per_s": 100}),
        ("tiny", "pgqueuer", {"batches_per_s": 1_001}),
        ("tiny", "graphile-worker", {"batches_per_s": 9_000}),
    )
    line = figure(found, "one-product batches")
    assert "pgqueuer" in line.measured
    assert line.is_reached is False


@pytest.mark.parametrize(("own", "peer", "is_reached"), [(0.9, 1.1, True), (0.9, 0.8, False), (1.1, 1.2, False)])
def test_pickup_must_be_within_its_bound_and_not_above_the_best_peer(own: float, peer: float, is_reached: bool) -> None:
    found = results(
        ("pickup", REAL, {"p50_ms": own, "p99_ms": 2.0}),
        ("pickup", "pg-boss", {"p50_ms": 250.0, "p99_ms": 500.0}),
        ("pickup", "graphile-worker", {"p50_ms": peer, "p99_ms": 1.9}),
    )
    assert figure(found, "pickup on an idle daemon, p50").is_reached is is_reached
    assert figure(found, "pickup on an idle daemon, p99").is_reached is False


def test_the_size_of_the_batch_is_told_as_it_was() -> None:
    found = results(
        ("size", "10,000 products", {"us_per_product": 100, "peak_mb": 100}),
        ("size", "100,000 products", {"us_per_product": 109, "peak_mb": 111}),
    )
    cost = figure(found, "one batch of 100,000 products: cost per product against 10,000 products")
    memory = figure(found, "one batch of 100,000 products: peak memory")
    assert (cost.is_reached, memory.is_reached) == (True, False)


def grown(**rates: float) -> Results:
    return results(
        *(
            ("grown", f"{rows} evidence rows", {"products_per_s": rate, "evidence_rows": float(rows)})
            for rows, rate in ((name.strip("_"), rate) for name, rate in rates.items())
        )
    )


def test_the_cost_in_grown_tables_is_read_off_a_line_over_the_logarithm() -> None:
    found = grown(_0=1200, _1000000=1000, _10000000=960)
    assert report.grown_costs(found) == [(1_000_000, 1.2), (10_000_000, 1.25)]
    assert report.extrapolated([(1e6, 1.2), (1e7, 1.25)], 1e8) == pytest.approx(1.3)
    assert figure(found, "cost per product after 10,000,000").is_reached is True


def test_a_trend_beyond_the_bound_is_not_reached_though_what_was_measured_is() -> None:
    found = grown(_0=1200, _1000000=1150, _10000000=960)
    assert figure(found, "cost per product after 10,000,000").is_reached is False


def test_one_point_makes_no_trend() -> None:
    assert report.extrapolated([(1e6, 1.2)], 5e7) is None
    assert figure(grown(_0=1200, _1000000=1000), "cost per product after 1,000,000").measured == "1.20"


def test_the_document_holds_every_case_and_the_reason_of_who_is_absent() -> None:
    found = results(("batch", TRIVIAL, {"products_per_s": 12_345.6, "wal_bytes": 2_000.0}))
    found.absent["pg-boss"] = "there is no node"
    found.failed.append("pgqueuer, tiny: it did not come")
    found.notes["Rows written"] = [["table", "inserted"], ["evidence", "3"]]
    text = report.document(found)
    assert "| catalogd, trivial decision | 12,346 | 2,000 | 3,000 |" in text
    assert "- pg-boss: there is no node\n- failed: pgqueuer, tiny: it did not come" in text
    assert "### Rows written\n\n| table | inserted |\n| --- | --- |\n| evidence | 3 |" in text
    assert "$" not in text


def test_the_chart_shows_the_best_first_and_leaves_out_what_was_not_measured() -> None:
    found = results(
        ("batch", report.NAIVE, {"products_per_s": 900}),
        ("batch", TRIVIAL, {"products_per_s": 30_000}),
        ("pickup", "pg-boss", {"p50_ms": 250.0}),
        ("pickup", REAL, {"p50_ms": 0.9}),
    )
    assert [[name for name, _ in panel.bars] for panel in panels(found)] == [
        [TRIVIAL, report.NAIVE],
        [REAL, "pg-boss"],
    ]
