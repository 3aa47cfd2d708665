from __future__ import annotations

from pathlib import Path

import pytest

from bench.speed.samples import Results, Sample, Spread, percentile


def results(*rates: tuple[str, int, float]) -> Results:
    samples = [Sample("batch", competitor, number, 1000.0, {"per_s": rate}) for competitor, number, rate in rates]
    return Results(samples=samples)


def test_a_spread_is_the_median_with_the_least_and_the_most() -> None:
    assert Spread.of([5.0, 1.0, 2.0]) == Spread(2.0, 1.0, 5.0, 3)
    assert Spread.of([]) is None


def test_one_round_is_told_without_a_range() -> None:
    assert Spread(2.0, 2.0, 2.0, 1).tell(".1f") == "2.0"
    assert Spread(2.0, 1.0, 5.0, 3).tell(".1f") == "2.0 (1.0 to 5.0)"


def test_a_ratio_is_taken_within_each_round() -> None:
    """The medians alone would say 1.0: a machine that slows down in one round slows both."""
    found = results(("a", 1, 10), ("b", 1, 5), ("a", 2, 100), ("b", 2, 50), ("a", 3, 50), ("b", 3, 100))
    assert found.ratio("batch", "a", "b", "per_s") == Spread(2.0, 0.5, 2.0, 3)


def test_a_round_that_one_of_them_did_not_run_has_no_ratio() -> None:
    found = results(("a", 1, 10), ("a", 2, 10), ("b", 2, 5))
    assert found.ratio("batch", "a", "b", "per_s") == Spread(2.0, 2.0, 2.0, 1)
    assert found.ratio("batch", "a", "nobody", "per_s") is None


def test_a_case_that_was_measured_anew_takes_the_place_of_what_it_was() -> None:
    before = results(("a", 1, 10), ("b", 1, 5))
    before.samples.append(Sample("idle", "a", 1, 1000.0, {"cpu_s": 2.0}))
    before.about = {"date": "2026-01-01"}
    newer = results(("a", 1, 20))
    newer.about = {"date": "2026-01-02", "scale": {"heavy": 2}}
    before.absent = {"a": "not installed", "b": "no network"}
    found = before.renewed_by(newer)
    assert [(sample.case, sample.competitor) for sample in found.samples] == [("batch", "a"), ("idle", "a")]
    assert found.by_round("batch", "a", "per_s") == {1: 20}
    assert found.about == {
        "date": "2026-01-01",
        "measured anew, “batch”": "2026-01-02, by themselves; scale: {'heavy': 2}",
    }
    assert found.absent == {"b": "no network"}
    assert len(before.samples) == 3


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_seen(share: float, wanted: int) -> None:
    assert percentile([*range(100, 0, -1)], share) == wanted


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = results(("a", 1, 10.5))
    found.about["server"] = "18"
    found.absent["pg-boss"] = "there is no node"
    found.failed.append("pgqueuer, tiny: it did not come")
    found.notes["rows"] = [["table", "rows"], ["evidence", "3"]]
    found.write(tmp_path / "made" / "results.json")
    assert Results.read(tmp_path / "made" / "results.json") == found
