"""What each source sees in a product, and how it says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.evidence.attribute_names import AttributeNames
from daemon.workloads.categorization.evidence.description import Description
from daemon.workloads.categorization.evidence.manufacturer import Manufacturer
from daemon.workloads.categorization.evidence.name_letters import NameLetters
from daemon.workloads.categorization.evidence.name_pairs import NamePairs
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.part_number import PartNumber
from daemon.workloads.categorization.evidence.registry import SOURCES
from tests.workloads.categorization.shop import features_of, make_product

TEXT = st.none() | st.text(max_size=300)


def test_part_number_gives_prefixes_and_forms_with_and_without_the_maker():
    seen = features_of(PartNumber(), make_product(part_number="bc-547 b", manufacturer="On  Semi"))
    assert seen == [
        "^BC", "^BC5", "^BC54", "^BC547", "^BC547B", "~AA999A", "~A9A",
        "^B|on semi", "^BC|on semi", "^BC5|on semi", "^BC54|on semi", "^BC547|on semi", "~A9A|on semi",
    ]  # fmt: skip


@pytest.mark.parametrize("part_number", [None, "", "  ", "--/--"])
def test_a_part_number_without_letters_and_digits_gives_nothing(part_number):
    assert features_of(PartNumber(), make_product(part_number=part_number, manufacturer="Bosch")) == []


def test_part_number_in_words():
    source = PartNumber()
    described = [source.describe(feature, "Onsemi") for feature in ("^BC5", "^BC|onsemi", "~A9A")]
    assert described == ["begins with BC5", "begins with BC, Onsemi", "has the form A9A"]


def test_manufacturer_is_one_feature_in_one_spelling():
    seen = [features_of(Manufacturer(), make_product(manufacturer=m)) for m in ("Black+Decker ", "BLACK+DECKER")]
    assert seen == [["black+decker"]] * 2
    assert features_of(Manufacturer(), make_product(manufacturer="  ")) == []


@pytest.mark.parametrize(("source", "field"), [(NameWords(), "name"), (Description(), "description")])
def test_words_are_seen_again_with_numbers_as_a_sign(source, field):
    seen = features_of(source, make_product(**{field: "M4 Screw, 16mm (steel)"}))
    assert seen == ["m4", "m#", "screw", "16mm", "#mm", "steel"]


def test_words_of_the_name_that_stand_together_are_seen_but_for_who_made_it_and_its_number():
    product = make_product(name="Bosch GSR18 Cordless drill 18V", manufacturer="Bosch Tools", part_number="gsr18")
    assert features_of(NamePairs(), product) == ["cordless drill", "drill #v"]


def test_parts_of_words_are_seen_but_for_who_made_it_and_its_number():
    product = make_product(name="Bosch GSR18 ab", manufacturer="Bosch", part_number="GSR18")
    assert features_of(NameLetters(), product) == ["<ab", "ab>", "<ab>"]
    assert [NameLetters().describe(part, None) for part in ("<ab", "mos", "et>", "<ab>")] == [
        "“ab…”", "“…mos…”", "“…et”", "“ab”",
    ]  # fmt: skip


def test_attributes_that_stand_together_are_seen_whatever_their_values():
    product = make_product(attributes={"Size ": 3, "color": None, "a": {"b": 1}})
    seen = features_of(AttributeNames(), product)
    assert seen == [
        "a\na.b", "a\ncolor", "a\nsize", "a.b\ncolor", "a.b\nsize", "color\nsize", "a\na.b\ncolor\nsize",
    ]  # fmt: skip
    assert AttributeNames().describe(seen[-1], None) == "has a, a.b, color, size"
    assert features_of(AttributeNames(), make_product(attributes={"color": "red"})) == []
    assert len(features_of(AttributeNames(), make_product(attributes={f"k{n}": n for n in range(90)}))) == 121


def test_a_word_that_never_ends_is_no_word():
    assert features_of(NameWords(), make_product(name="x" * 100_000)) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@given(texts=st.fixed_dictionaries(dict.fromkeys(("name", "manufacturer", "part_number", "description"), TEXT)))
def test_every_feature_can_be_put_into_words(source, texts):
    product = make_product(**texts, attributes=texts)
    features = features_of(source, product)
    assert features == features_of(source, product)
    for feature in features:
        assert feature
        assert len(feature) <= 130
        assert source.describe(feature, product.manufacturer)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_source_says_whether_it_names_the_manufacturer(source):
    product = make_product(name="a", manufacturer="Onsemi", part_number="BC547", description="b", attributes={"c": "d"})
    features = features_of(source, product)
    described = {tuple(source.describe(feature, maker) for feature in features) for maker in ("Onsemi", "Bosch", None)}
    assert source.names_manufacturer == (len(described) > 1)


def test_names_of_sources_differ():
    assert len({source.name for source in SOURCES}) == len(SOURCES)
