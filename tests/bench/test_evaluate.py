"""The harness that judges predictions: strange products, the lesson on one core, the table with its marks."""

import csv
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from bench.evaluate import Extent, main, measure_all
from bench.lesson import is_in_part, measure_lesson
from bench.predictions.examples import make_examples
from bench.predictions.views import THRESHOLDS
from bench.strange import NOTHING, empty_names, foreign_names, random_text
from tests.workloads.categorization.shop import make_labelled


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogue") / "shop.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "name", "manufacturer", "part_number", "attributes", "category_code", "split"])
        for product, code in make_labelled(1500):
            split = "dev" if product.id % 3 == 0 else "train"
            texts = (product.sku, product.name, product.manufacturer, product.part_number)
            writer.writerow([*texts, json.dumps(product.attributes), code, split])
    return path


def test_strange_products_are_many_and_distinct() -> None:
    assert random_text(50, seed=1) == random_text(50, seed=1) != random_text(50, seed=2)
    assert len({product.name for product in random_text(200, seed=1)}) > 190
    assert len({product.name for product in foreign_names()}) > 100
    assert len(empty_names()) == len(NOTHING) ** 3
    for products in (random_text(50, seed=1), foreign_names(), empty_names()):
        assert len({product.id for product in products}) == len(products)
        assert {product.category_code for product in products} == {None}


def test_a_part_is_the_same_one_each_time() -> None:
    part = [number for number in range(2000) if is_in_part(number, 0.1)]
    assert part == [number for number in range(2000) if is_in_part(number, 0.1)]
    assert 150 < len(part) < 250
    assert all(is_in_part(number, 1.0) for number in range(2000))


def test_a_lesson_on_one_core_is_measured(catalogue: Path) -> None:
    found = measure_lesson(catalogue, 1.0)
    assert found["products"] == 1000
    assert 30 < float(found["peak_mb"]) < 1000
    assert float(found["decided_per_s"]) > 100
    assert len(str(found["digest"])) == 64


@dataclass(frozen=True, slots=True)
class Measured:
    found: dict[str, object]
    out: str
    plots: Path


@pytest.fixture(scope="module")
def measured(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The harness has run, once."""
    plots, out = tmp_path_factory.mktemp("plots"), StringIO()
    with redirect_stdout(out):
        found = measure_all(catalogue, Extent(part=1.0, draws=2, leave_outs=1, curve=(100,), has_ablation=True), plots)
    return Measured(found, out.getvalue(), plots)


def test_the_whole_is_measured_and_drawn(measured: Measured) -> None:
    found, out = measured.found, measured.out
    assert "| same learning data → same model, bit for bit | yes | yes | ✓ |" in out
    assert "| top-1, all | 0.965 | 1.0000 | ✓ |" in out
    assert out.count("\n| part_number | ") == 1
    assert {path.name for path in measured.plots.iterdir()} == {
        f"predictions-{name}.{kind}"
        for name in ("reliability", "coverage", "learning-curve")  # nothing is confused in this shop, nor 93 % sure
        for kind in ("svg", "png")
    }
    assert json.loads(json.dumps(found)) == found, "it can be written as JSON, and read again"
    assert {"figures", "all", "names", "few", "unseen", "strange", "lesson", "curve", "worth"} <= found.keys()
    assert [row["threshold"] for row in found["thresholds"]] == list(THRESHOLDS)  # type: ignore[attr-defined]


def test_what_was_measured_is_published_and_rendered_again(
    catalogue: Path, measured: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "bench.evaluate.measure_all", lambda path, extent, plots: {**measured.found, "part": extent.part}
    )
    monkeypatch.setattr("bench.evaluate.make_examples", lambda: {"sure": make_examples(300)["strange"]})
    docs, again = tmp_path / "docs", tmp_path / "again"
    docs.mkdir()
    again.mkdir()
    run(monkeypatch, str(catalogue), "--quick", "--document", str(docs))
    names = {path.name for path in docs.iterdir()}
    assert {"predictions.md", "predictions.json", "predictions-reliability.svg"} <= names
    assert "**a quick run**" in (docs / "predictions.md").read_text(encoding="utf-8")

    run(monkeypatch, "--render", str(docs / "predictions.json"), "--document", str(again))
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in docs.iterdir()
    }


def test_either_a_catalogue_or_figures_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ([], ["shop.csv", "--render", "predictions.json"]):
        with pytest.raises(SystemExit) as end:
            run(monkeypatch, *arguments)
        assert end.value.code == 2


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["bench.evaluate", *arguments])
    assert main() == 0
