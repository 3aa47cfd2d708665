"""What is read of texts: quantities, codes, barcodes, makers, colours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.matching.barcodes import read_barcode
from daemon.workloads.price_lists.matching.facts import CODE, COLOUR, MOST, SIZE, groups, read_facts
from daemon.workloads.price_lists.matching.makers import compare_makers, maker_words
from daemon.workloads.price_lists.matching.quantities import find_quantities, read_number
from daemon.workloads.price_lists.matching.text import LONGEST, LONGEST_CODE, compact, fold, one_line, tidy
from daemon.workloads.price_lists.matching.variants import colours, kin


def quantities(text):
    return [(found.quantity.dimension, found.quantity.value) for found in find_quantities(tidy(text))]


def facts(text, group):
    return {fact.text for fact in read_facts(text, None, None, None, {}).said if fact.group == groups().index(group)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("USB stick 16GB", [("byte", 16)]),
        ("2x8 GB kit", [("byte", 8)]),
        ("hose 1,5 l", [("volume", 1500)]),
        ("1,500 hours", [("duration", 1500)]),
        ("1.234,5 g", [("mass", 1200)]),
        ('8-1/2" wide', [("length", 220)]),
        ('1/2" drive', [("length", 13)]),
        ("36-inches x 150 ft", [("length", 910), ("length", 46000)]),
        ("2.54cm = 1 in", [("length", 25), ("length", 25)]),
        ("10µF 10uF 10 μF", [("capacitance", 10)] * 3),
        ("100 mΩ or 3 MΩ", [("resistance", 0.1), ("resistance", 3e6)]),
        ("4k7 and 1R5", [("resistance", 4700), ("resistance", 1.5)]),
        ("24-Port Switch, 4 ports", [("ports", 24), ("ports", 4)]),
        ("12 Stück", [("pack", 12)]),
        ("3 in 1 and 68-in-1", []),
        ("iPhone 3G and 802.11", []),
        ("AX16GB", []),
        ("½ l", [("volume", 500)]),
        ("1024 MB", [("byte", 1)]),
    ],
)
def test_quantities_are_read(text, found):
    assert quantities(text) == found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2-pack", "2"),
        ("pack of 12", "12"),
        ("Set of 25", "25"),
        ("twin pack", "2"),
        ("10er-Pack", "10"),
        ("100/box", "100"),
        ("single pack", "1"),
    ],
)
def test_packs_are_read(text, count):
    assert count in facts(text, "pack")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("shirt size M", "m"),
        ("Hemd Gr. 42", "42"),
        ("EU 42.5", "42.5"),
        ("polo XXL", "xxl"),
        ("Größe 38", "38"),
        ("taille L", "l"),
        ("3XL", "3xl"),
        ("Jacke blau M", "m"),
    ],
)
def test_sizes_are_read(text, size):
    assert facts(text, "size") == {size}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8-1/2", 8.5),
        ("3/4", 0.75),
        ("4/3", 0),
        ("1,5", 1.5),
        ("1,500", 1500),
        ("0,500", 0.5),
        ("1.234.567", 1234567),
        ("1,234.56", 1234.56),
        ("7", 7),
    ],
)
def test_numbers_are_read(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4006381333931", "04006381333931"),
        ("036000291452", "0036000291452"),
        ("96385074", "00000096385074"),
        ("978-3-16-148410-0", "3-16-148410-X"),
    ],
)
def test_barcodes_of_all_lengths_are_one(one, other):
    assert read_barcode(one) == read_barcode(other) > 0


@pytest.mark.parametrize(
    "text", [None, "", "4006381333932", "123", "0000000000000", "n/a", "9" * 100, "3-16-148410-1", "4006381333931kg"]
)
def test_what_is_no_barcode_is_none(text):
    assert read_barcode(text) == 0


@pytest.mark.parametrize(
    ("one", "other", "kinship"),
    [
        ("HP", "Hewlett-Packard", "same"),
        ("Bosch GmbH", "BOSCH", "same"),
        ("Cooler Master", "Coolermaster", "same"),
        ("I-Tec", "I-Tec Electronics", "same"),
        ("Simplism", "Simplism Japan", "alike"),
        ("American Broadcast Company", "abc", "other"),
        ("Blue Ridge Works", "BRW", "alike"),
        ("Panasonic", "Panasonik", "alike"),
        ("Müller", "Muller", "same"),
        ("HP", "Dell", "other"),
        ("", "Dell", "unknown"),
    ],
)
def test_makers_are_compared(one, other, kinship):
    assert compare_makers(maker_words(one), maker_words(other)) == kinship


@given(st.text(max_size=40), st.text(max_size=40))
def test_comparing_makers_is_symmetric(one, other):
    ours, theirs = maker_words(one), maker_words(other)
    assert compare_makers(ours, theirs) == compare_makers(theirs, ours)
    assert compare_makers(ours, ours) == ("same" if ours else "unknown")


@given(st.text(max_size=2000))
def test_reading_is_bounded(text):
    found = read_facts(text, text, text, text, {text: text})
    assert len(found.said) <= MOST + 8
    assert len(found.known) <= MOST
    assert not found.said.keys() & found.known.keys()
    assert len(compact(text)) <= LONGEST_CODE
    assert compact(compact(text)) == compact(text)
    assert len(tidy(text)) <= 4 * LONGEST
    assert one_line(text).isprintable()
    assert len(one_line(text)) <= 60


def test_colours_are_read_in_several_languages():
    assert (
        facts("Lampe schwarz", "colour") == facts("lampe noire", "colour") == facts("BLACK lamp", "colour") == {"black"}
    )
    assert all(colour in kin()[colour] for colour in colours().values())


def test_the_groups_stand_where_they_are_said_to():
    assert (groups()[CODE], groups()[COLOUR], groups()[SIZE]) == ("code", "colour", "size")


def test_folding():
    assert fold("Größe ÉTÉ Łódź") == "grosse ete lodz"


def test_only_the_first_attributes_are_read():
    found = read_facts("lamp", None, None, None, {str(number): f"{number} GB" for number in range(1, 1000)}).known
    assert sum(groups()[fact.group] == "byte" for fact in found) == 20
