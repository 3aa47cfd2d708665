"""The sample catalogue: as large, as deterministic and as untidy as promised."""

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.demo.catalogue import (
    HELD_BACK,
    SampleCatalogue,
    SampleProduct,
    read_trade,
    sample_catalogue,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def catalogue() -> SampleCatalogue:
    return sample_catalogue()


def share(catalogue: SampleCatalogue, missing: str) -> float:
    return sum(not getattr(product, missing) for product in catalogue.products) / len(catalogue.products)


def test_is_as_large_as_asked_for(catalogue: SampleCatalogue) -> None:
    assert len(catalogue.products) == 24_000
    assert len({product.sku for product in catalogue.products}) == 24_000
    assert len(sample_catalogue(products=100).products) == 100
    assert sample_catalogue(products=0).products == []


def test_tree_has_two_levels_and_every_leaf_is_used(catalogue: SampleCatalogue) -> None:
    codes = [category.code for category in catalogue.categories]
    assert len(codes) == len(set(codes)) >= 60
    for code, label, path in catalogue.categories:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        department, _, leaf = path.partition(" > ")
        assert department
        assert leaf == label
    counts = Counter(product.true_category for product in catalogue.products)
    assert set(counts) == set(codes)
    assert min(counts.values()) >= 50


def test_makers_are_many_and_each_makes_several_things() -> None:
    trade = read_trade()
    known = {category.code for category in trade.categories}
    assert len(trade.makers) >= 40
    assert len({maker.name for maker in trade.makers}) == len(trade.makers)
    for maker in trade.makers:
        assert len(maker.lines) >= 3
        assert set(maker.lines) <= known
    makers = Counter(code for maker in trade.makers for code in maker.lines)
    assert min(makers[code] for code in known) >= 3


def test_part_numbers_follow_the_scheme_of_their_maker(catalogue: SampleCatalogue) -> None:
    trade = read_trade()
    makers = {maker.name: maker for maker in trade.makers}
    codes = {
        "colour": "|".join(trade.colours.values()),
        "pack": "|".join(trade.packs.values()),
        "size": "[0-9]*",
        "model": "[0-9]+",
    }
    for product in catalogue.products:
        if not product.manufacturer or not product.part_number:
            continue
        maker = makers[product.manufacturer]
        scheme = re.sub(r"\{(\w+)(:[^}]*)?\}", r"<\1>", maker.part_number)
        pattern = re.escape(scheme).replace("<line>", re.escape(maker.lines[product.true_category]))
        for field, values in codes.items():
            pattern = pattern.replace(f"<{field}>", f"({values})")
        assert re.fullmatch(pattern, product.part_number), (maker.part_number, product.part_number)


def test_manufacturer_and_part_number_name_one_product(catalogue: SampleCatalogue) -> None:
    numbers = Counter(
        (product.manufacturer, product.part_number)
        for product in catalogue.products
        if product.manufacturer and product.part_number
    )
    assert max(numbers.values()) == 1


def test_some_products_lack_some_fields(catalogue: SampleCatalogue) -> None:
    assert 0.05 < share(catalogue, "manufacturer") < 0.08
    assert 0.11 < share(catalogue, "part_number") < 0.15
    assert 0.27 < share(catalogue, "description") < 0.33
    assert 0.13 < share(catalogue, "attributes") < 0.18
    assert share(catalogue, "name") == 0


def test_a_fifth_is_held_back_and_the_rest_has_its_true_category(catalogue: SampleCatalogue) -> None:
    assert abs(share(catalogue, "category_code") - HELD_BACK) < 0.01
    assert all(product.category_code in (None, product.true_category) for product in catalogue.products)


def test_text_can_be_stored(catalogue: SampleCatalogue) -> None:
    for product in catalogue.products:
        row = json.dumps(row_of(product), ensure_ascii=False)
        assert "\\u0000" not in row
        assert "\0" not in row
        assert row.encode("utf-8").decode("utf-8") == row
        assert not re.search("[{}]", product.name + (product.description or ""))


def row_of(product: SampleProduct) -> list[object]:
    return [
        product.sku,
        product.name,
        product.manufacturer,
        product.part_number,
        product.description,
        list(product.attributes.items()),
        product.true_category,
        product.category_code,
    ]


DIGEST = """
import hashlib
from daemon.demo.catalogue import sample_catalogue
catalogue = sample_catalogue(products=3000)
print(hashlib.sha256(repr(catalogue).encode()).hexdigest())
"""


def test_same_seed_gives_the_same_rows_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    here = hashlib.sha256(repr(sample_catalogue(products=3000)).encode()).hexdigest()
    assert digests == {here}


def test_another_seed_gives_other_rows() -> None:
    assert sample_catalogue(products=100, seed=1) != sample_catalogue(products=100, seed=2)


def test_fewer_products_are_the_first_of_many(catalogue: SampleCatalogue) -> None:
    assert sample_catalogue(products=100).products == catalogue.products[:100]


def test_is_neither_trivial_nor_hopeless(catalogue: SampleCatalogue) -> None:
    """A plain naive Bayes over the words of all fields learns from the categorised and predicts the rest."""
    known = [product for product in catalogue.products if product.category_code]
    unknown = [product for product in catalogue.products if not product.category_code][:1500]
    sizes = Counter(product.true_category for product in known)
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for product in known:
        for word in words_of(product):
            seen[word][product.true_category] += 1

    def predict(product: SampleProduct) -> str:
        scores = {category: math.log(size) for category, size in sizes.items()}
        for word in words_of(product):
            for category, size in sizes.items():
                scores[category] += math.log((seen[word][category] + 0.05) / (size + 0.1))
        return max(scores, key=scores.__getitem__)

    right = sum(predict(product) == product.true_category for product in unknown)
    assert 0.93 < right / len(unknown) < 0.98


def words_of(product: SampleProduct) -> Iterator[str]:
    yield f"maker {product.manufacturer}"
    if product.part_number:
        yield f"number {product.manufacturer} {product.part_number[:3]}"
    yield from set(re.findall(r"\w+", f"{product.name} {product.description or ''}".lower()))
    for name, value in product.attributes.items():
        yield f"has {name}"
        yield f"{name} {value}"
