"""Stocks and availability as suppliers write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.reading.stock import LARGEST, read_availability, read_stock


@pytest.mark.parametrize(
    ("text", "pieces", "is_available"),
    [
        ("5", "5", True), ("0", "0", False), ("1.000", "1000", True), ("> 100", "100", True), ("100+", "100", True),
        ("-3", "0", False),
        ("12 pcs", "12", True), ("2,5", "2.5", True), ("in stock", None, True), ("нет", None, False), ("", None, None),
        ("soon", None, None),
        ("1e308", "1", True), ("9" * 50, None, True),
    ],
)  # fmt: skip
def test_stocks(text, pieces, is_available):
    assert read_stock(text, ",") == (None if pieces is None else Decimal(pieces), is_available)


@pytest.mark.parametrize(
    "text", ["yes", "Ja", "auf Lager", "En stock", "TRUE", "1", "12", "в наличии", "Dostępny", "op voorraad"]
)
def test_available(text):
    assert read_availability(text) is True


@pytest.mark.parametrize(
    "text", ["no", "0", "Nein", "out of  stock", "Nicht lieferbar", "нет в наличии", "épuisé", "brak", "EOL"]
)
def test_gone(text):
    assert read_availability(text) is False


@given(st.text(max_size=60) | st.decimals(allow_nan=False, allow_infinity=False))
def test_any_cell_gives_pieces_that_fit(cell):
    pieces, _ = read_stock(cell, ".")
    assert pieces is None or (0 <= pieces <= LARGEST and pieces.as_tuple().exponent >= -4)
