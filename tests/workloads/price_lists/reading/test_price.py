"""Prices as suppliers write them."""

from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.reading.cell import Amount
from daemon.workloads.price_lists.reading.currency import currency_of, find_currency
from daemon.workloads.price_lists.reading.price import LARGEST, BadPrice, Price, read_price, vote


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("1.234,50 €", "1234.50", "EUR"),
        ("$1,234.50", "1234.50", "USD"),
        ("1 234,50", "1234.50", None),
        ("1\u00a0234,50\u202f€", "1234.50", "EUR"),
        ("1'234.50", "1234.50", None),
        ("CHF 1’234.50", "1234.50", "CHF"),
        ("12,50", "12.50", None),
        ("12.5", "12.5", None),
        ("EUR 12", "12", "EUR"),
        ("12EUR", "12", "EUR"),
        ("12,-", "12", None),
        ("12.—", "12", None),
        ("CHF 12.–", "12", "CHF"),
        ("1.500,- €", "1500", "EUR"),
        ("ab 12,50 €", "12.50", "EUR"),
        ("12,50 руб.", "12.50", "RUB"),
        ("12.50 грн", "12.50", "UAH"),
        ("12,50 zł", "12.50", "PLN"),
        ("Kč 12,50", "12.50", "CZK"),
        ("12.50 each", "12.50", None),
        ("0.125", "0.125", None),
        ("1234.125", "1234.125", None),
        ("1.234.567", "1234567", None),
        ("1,234,567.891", "1234567.891", None),
        ("1.23456789", "1.2346", None),
        ("1.2e2", "120", None),
        (".5", "0.5", None),
        ("0", "0", None),
        ("-0", "0", None),
        ('="12.50"', "12.50", None),
        ("99999999.9999", "99999999.9999", None),
    ],
)
def test_what_is_meant_whatever_the_column_s_decimal_sign_is(text, amount, currency):
    assert read_price(text, ".") == read_price(text, ",") == Price(Decimal(amount), currency)


@pytest.mark.parametrize(("text", "point", "comma"), [("1,234", "1234", "1.234"), ("1.234", "1.234", "1234")])
def test_what_can_be_read_in_two_ways_is_read_as_the_column_is(text, point, comma):
    assert read_price(text, ".").amount == Decimal(point)
    assert read_price(text, ",").amount == Decimal(comma)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "–", "N/A", "n/a", "#N/A", "on request", "On  Request!", "auf Anfrage", "a.A.", "POA", "TBD",
     "sur demande", "na zapytanie", "по запросу", "Call", "?",
     "null"],
)  # fmt: skip
def test_no_price_is_no_error(text):
    assert read_price(text, ".") == Price()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-5", "negative"),
        ("€ -5", "negative"),
        ("−5,00", "negative"),
        ("(12.50)", "negative"),
        ("12.50-", "negative"),
        ("1e308", "larger"),
        ("1e999999", "larger"),
        ("100000000", "larger"),
        ("99999999.99999", "larger"),
        ("NaN", "not a number"),
        ("Infinity", "not a number"),
        ("-inf", "not a number"),
        ("1,2,3", "not a number"),
        ("1.234.56", "not a number"),
        ("2026-01-05", "not a number"),
        ("10-20", "not a number"),
        ("12 50", "not a number"),
        ("٣", "not a number"),
        ("=1+1", "not a number"),
        ("=cmd|' /C calc'!A0", "not a number"),
        ("@SUM(1)", "no currency"),
        ("+5", "no currency"),
        ("12,5O", "no currency"),
        ("19 %", "no currency"),
        ("12 / 0", "no piece"),
        ("9" * 100, "not a number"),
    ],
)
def test_what_is_no_price_says_why(text, reason):
    for sign in (".", ","):
        with pytest.raises(BadPrice, match=reason):
            read_price(text, sign)


def test_a_price_may_be_for_many_pieces():
    assert read_price("12,50 € / 100 Stk", ",") == Price(Decimal("12.50"), "EUR", 100)
    assert read_price("12.50 USD per 1000", ".") == Price(Decimal("12.50"), "USD", 1000)
    assert read_price("12.50 EUR/Stk", ".") == Price(Decimal("12.50"), "EUR", 1)


def test_a_workbook_s_numbers_need_no_guess():
    assert read_price(Decimal("1.234"), ",") == Price(Decimal("1.234"))
    assert read_price(Amount(Decimal("12.5"), "EUR"), ",") == Price(Decimal("12.5"), "EUR")
    with pytest.raises(BadPrice, match="negative"):
        read_price(Decimal(-1), ".")
    with pytest.raises(BadPrice, match="larger"):
        read_price(Decimal("1e300"), ".")


@pytest.mark.parametrize(
    ("values", "winner"),
    [
        (["1,234", "12,50"], ","),
        (["1,234", "12.50"], "."),
        (["1,234", "1,234,567"], "."),
        (["1.234", "1.234,5 €"], ","),
        (["0,125", "1,234"], ","),
        (["1,234", "5", "n/a"], None),
    ],
)
def test_the_values_of_a_column_vote(values, winner):
    votes = vote(values)
    assert max(votes, key=votes.__getitem__, default=None) == winner


@given(
    st.decimals(0, LARGEST, places=2),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("\u00a0", ","), ("'", "."), ("", "."), ("", ",")]),
    st.sampled_from(["{}", "€ {}", "{} €", "EUR {}", "{} EUR", "{}€"]),
)
def test_two_decimals_are_read_as_they_were_written(amount, signs, form):
    group, decimal = signs
    text = form.format(f"{amount:,.2f}".replace(",", "G").replace(".", decimal).replace("G", group))
    for column in (".", ","):
        assert read_price(text, column).amount == amount


@given(st.text(max_size=80) | st.from_regex(r"[-+(=]?[\d.,' €$a-z/]{0,70}[-)]?", fullmatch=True), st.sampled_from(".,"))
def test_any_text_is_a_price_within_bounds_or_refused(text, sign):
    began = process_time()
    try:
        price = read_price(text, sign)
    except BadPrice:
        pass
    else:
        assert price.amount is None or 0 <= price.amount <= LARGEST
        assert price.amount is None or price.amount.as_tuple().exponent >= -4
        assert price.unit >= 1
    assert process_time() - began < 1  # an expression that goes back and forth would take for ever


@pytest.mark.parametrize("text", ["a" * 60, "€ " * 30, "1 " * 30, "a1" * 30, "(" * 60, "1'" * 30, "- " * 30])
def test_long_nonsense_takes_no_time(text):
    began = process_time()
    with pytest.raises(BadPrice):
        read_price(text, ".")
    assert process_time() - began < 1


@pytest.mark.parametrize(
    ("sign", "home", "code"),
    [
        ("eur", None, "EUR"), ("€", None, "EUR"), ("$", None, "USD"), ("$", "CAD", "CAD"), ("$", "EUR", "USD"),
        ("kr", None, None), ("kr", "SEK", "SEK"),
        ("руб.", None, "RUB"), ("XYZ", None, None), ("", None, None), ("Euro", None, "EUR"),
    ],
)  # fmt: skip
def test_currencies_by_sign_code_and_word(sign, home, code):
    assert currency_of(sign, home) == code


@pytest.mark.parametrize(
    ("header", "code"),
    [("Price, EUR", "EUR"), ("Preis in €", "EUR"), ("Price (USD)", "USD"), ("Цена, руб.", "RUB"), ("price", None),
     ("TOP PRICE ALL", None), ("try price", None), ("Cena zł", "PLN"), ("Price US$", "USD")],
)  # fmt: skip
def test_the_currency_that_a_header_names(header, code):
    assert find_currency(header) == code
