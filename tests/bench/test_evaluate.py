"""The harness that judges predictions: strange products, the lesson on one core, the table with its marks."""

import csv
import json
from pathlib import Path

import pytest

from bench.evaluate import Extent, measure_all
from bench.lesson import is_in_part, measure_lesson
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


def test_the_whole_is_measured_and_drawn(catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measure_all(catalogue, Extent(part=1.0, draws=2, leave_outs=1, curve=(100,), has_ablation=True), tmp_path)
    out = capsys.readouterr().out
    assert "| same learning data → same model, bit for bit | yes | yes | ✓ |" in out
    assert "| top-1, all | 0.965 | 1.0000 | ✓ |" in out
    assert out.count("\n| part_number | ") == 1
    assert {path.name for path in tmp_path.iterdir()} == {
        f"predictions-{name}.{kind}"
        for name in ("reliability", "coverage", "learning-curve", "confused")
        for kind in ("svg", "png")
    }
    assert json.loads(json.dumps(found)) == found, "it can be written as JSON, and read again"
    assert {"figures", "all", "names", "few", "unseen", "strange", "lesson", "curve", "worth"} <= found.keys()
