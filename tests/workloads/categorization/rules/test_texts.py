"""What a rule looks at."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.rules.rule import FIELDS
from daemon.workloads.categorization.rules.texts import ENTRIES, LONGEST_TEXT, lines_of, text_of
from tests.workloads.categorization.shop import make_product

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_attributes_are_lines_of_key_and_value() -> None:
    attributes = {
        "Colour": "red",
        "Weight": 2.5,
        "New": True,
        "Size": {"Length": 3},
        "For": ["oak", "ash"],
        "None": None,
    }
    assert lines_of(attributes).split("\n") == [
        "Colour: red",
        "Weight: 2.5",
        "New: true",
        "Size.Length: 3",
        "For: oak",
        "For: ash",
    ]


def test_a_value_cannot_make_a_line_of_its_own() -> None:
    assert lines_of({"note": "a\ncolour: red"}) == "note: a colour: red"
    assert lines_of({"note\nx": "red"}) == "note x: red"


def test_each_field_is_its_own_text() -> None:
    texts = {field: f"the {field}" for field in FIELDS if field != "attributes"}
    product = make_product(1, **texts, attributes={"an": "attribute"})
    assert {field: text_of(product, field) for field in FIELDS} == {
        **{field: text.encode() for field, text in texts.items()},
        "attributes": b"an: attribute",
    }
    assert {text_of(make_product(), field) for field in FIELDS} == {b""}


@given(JSON)
def test_whatever_the_attributes_are_the_text_is_bounded(attributes: object) -> None:
    text = lines_of(attributes)
    assert len(text) <= LONGEST_TEXT
    assert text.count("\n") < ENTRIES
    assert text_of(make_product(attributes=attributes), "attributes") == text.encode("utf-8", "replace")


@given(st.dictionaries(st.text(), st.text()))
def test_the_short_way_is_the_same_way(attributes: dict[str, str]) -> None:
    assert lines_of(attributes) == lines_of(attributes | {"nothing": None})


def test_long_texts_are_cut() -> None:
    assert len(text_of(make_product(name="ä" * 10_000), "name").decode()) == LONGEST_TEXT
    assert lines_of(["x"] * 10_000).count("\n") == ENTRIES - 1
    assert lines_of({"deep": [[[[[["too deep"]]]]]]}) == ""


def test_a_number_that_python_may_not_write_out_is_no_text() -> None:
    assert lines_of({"n": 10**6000, "m": 1}) == "m: 1"
