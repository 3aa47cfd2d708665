"""Barcodes as suppliers and spreadsheets write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.reading.barcode import is_valid, read_barcode


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("4006381333931", "4006381333931"),
        (" 4006381-333931 ", "4006381333931"),
        ("4006381333931.0", "4006381333931"),
        ("4.006381333931E+12", "4006381333931"),
        ("4,006381333931E12", "4006381333931"),
        ('="4006381333931"', "4006381333931"),
        ("'4006381333931", "4006381333931"),
        ("036000291452", "036000291452"),
        ("36000291452", "036000291452"),  # a spreadsheet took the nought
        ("96385074", "96385074"),
        ("14006381333938", "14006381333938"),
        ("0-306-40615-2", "9780306406157"),
        ("080442957X", "9780804429573"),
        ("4006381333931, 96385074", "4006381333931"),
        ("n/a / 96385074", "96385074"),
    ],
)
def test_digits(text, digits):
    assert read_barcode(text) == digits


@pytest.mark.parametrize(
    "text",
    ["", "-", "n/a", "4006381333932", "4.00635E+12", "4E+12", "1e999", "12345", "0000000000000", "00000000", "abc",
     "٤٠٠٦٣٨١٣٣٣٩٣١", "0306406153", "4006381333931" * 20, "=cmd|'/C calc'!A0"],
)  # fmt: skip
def test_what_is_none(text):
    assert read_barcode(text) is None


@given(st.integers(0, 10**12 - 1).map(lambda number: f"{number:012}"), st.integers(0, 9))
def test_one_check_digit_of_ten_is_right(body, wrong):
    right = [digit for digit in range(10) if is_valid(f"{body}{digit}")]
    assert len(right) == 1
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    assert (total + right[0]) % 10 == 0


@given(st.text(max_size=40))
def test_any_text(text):
    found = read_barcode(text)
    assert found is None or (len(found) in {8, 12, 13, 14} and found.isascii() and is_valid(found))
