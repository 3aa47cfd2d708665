"""The lists of the demo's supplier: the same everywhere, untidy as promised, and true about themselves."""

import hashlib
from pathlib import Path

import pytest

from daemon.demo.catalogue import SampleProduct, sample_catalogue
from daemon.demo.supplier import ENCODING, MOST, PriceList, write_first, write_second
from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.reading.reading import read

PRODUCTS = 3_000


@pytest.fixture(scope="module")
def world() -> list[SampleProduct]:
    return list(sample_catalogue(PRODUCTS + 100).products)


@pytest.fixture(scope="module")
def first(world: list[SampleProduct]) -> PriceList:
    return write_first(world[:PRODUCTS], world[PRODUCTS:])


def lines_of(price_list: PriceList, tmp_path: Path) -> tuple[dict[str, object], list[Line | BadLine]]:
    file = tmp_path / "list.csv"
    file.write_bytes(price_list.write())
    reading = read(file, None, None, lambda _number, _share: None)
    return reading.detected, list(reading)


def test_a_shop_has_the_same_products_with_and_without_others(world: list[SampleProduct]) -> None:
    assert sample_catalogue(PRODUCTS).products == world[:PRODUCTS]


def test_the_same_lists_everywhere(first: PriceList) -> None:
    digests = [hashlib.sha256(each.write()).hexdigest()[:16] for each in (first, write_second(first))]
    assert digests == ["cf7ee1acfb64751c", "79ac7284dce10e54"]


def test_it_is_written_as_promised_and_read_as_it_was_written(first: PriceList, tmp_path: Path) -> None:
    detected, lines = lines_of(first, tmp_path)
    assert detected["encoding"] == ENCODING
    assert detected["delimiter"] == ";"
    assert (detected["decimal"], detected["currency"]) == (",", "EUR")
    bad = [line for line in lines if isinstance(line, BadLine)]
    assert {line.code for line in bad} == {"no_name", "bad_price", "too_many_cells"}
    assert len(bad) == len(first.wrong)
    read_lines = {line.sku: line for line in lines if isinstance(line, Line)}
    assert read_lines.keys() == {offer.sku for offer in first.offers}
    for offer in first.offers:
        line = read_lines[offer.sku]
        assert line.price is not None
        assert int(line.price * 100) == offer.cents
        assert line.manufacturer == (offer.manufacturer or None)
        assert line.part_number == (offer.part_number or None)


def test_every_line_has_a_number_of_its_own_and_says_what_it_truly_is(
    first: PriceList, world: list[SampleProduct]
) -> None:
    shop = {product.sku: product for product in world[:PRODUCTS]}
    assert len({offer.sku for offer in first.offers}) == len(first.offers)
    known = [offer for offer in first.offers if offer.product]
    assert len(known) == PRODUCTS // 3
    assert len(first.offers) - len(known) == PRODUCTS // 3 * (8 + 2) // 100
    assert len({offer.product for offer in known}) == len(known)
    codes = {product.part_number for product in shop.values()}
    assert [offer for offer in first.offers if not offer.product and offer.part_number in codes] == []
    assert sum(offer.name == shop[offer.product].name for offer in known if offer.product) < len(known) / 2


def test_a_big_shop_gets_no_longer_a_list() -> None:
    products = sample_catalogue(3 * MOST + 300).products
    assert len(write_first(products[:-200], products[-200:]).offers) == MOST + MOST * 8 // 100 + MOST * 2 // 100


def test_the_next_list_has_other_prices_and_fewer_offers(first: PriceList) -> None:
    before = {offer.sku: offer for offer in first.offers}
    second = write_second(first)
    assert before.keys() > {offer.sku for offer in second.offers}
    assert 0.02 < 1 - len(second.offers) / len(first.offers) < 0.06
    changed = [offer for offer in second.offers if offer.cents != before[offer.sku].cents]
    assert 0.25 < len(changed) / len(second.offers) < 0.35
    assert all(offer.cents > 0 for offer in changed)
    assert all(
        (offer.name, offer.part_number) == (before[offer.sku].name, before[offer.sku].part_number) for offer in changed
    )
