"""What makes a rule one that can be used, and how it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.rules.rule import (
    LARGEST_PROGRAM,
    LONGEST_PATTERN,
    VALUE_LENGTH,
    Rule,
    hint_of,
    size_of,
)


def make_rule(pattern: str, field: str = "name", **columns: object) -> Rule:
    return Rule(**{"id": 12, "category_code": "saws", "weight": 4.0} | columns, field=field, pattern=pattern)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("", "the pattern is empty"),
        ("(saw", "the pattern is no regular expression of RE2: missing ): (saw"),
        ("saw)", "the pattern is no regular expression of RE2: unexpected ): saw)"),
        ("*", "the pattern is no regular expression of RE2: no argument for repetition operator: *"),
        ("(?=saw)", "the pattern is no regular expression of RE2: invalid perl operator: (?= (it has no look-around)"),
        (
            r"(a)\1",
            r"the pattern is no regular expression of RE2: invalid escape sequence: \1 (it has no back-referenc",
        ),
        ("a{1001}", "the pattern is no regular expression of RE2: invalid repetition size: {1001}"),
        ("a" * (LONGEST_PATTERN + 1), f"the pattern is longer than {LONGEST_PATTERN} characters"),
        (r"(\pL*a){100}", "the pattern is too large: "),
        (r"(?:\pL|\pN){900}", "the pattern is no regular expression of RE2: pattern too large"),
        ("\udcff", "the pattern is not UTF-8"),
    ],
)
@pytest.mark.parametrize("field", ["name", "attributes"])
def test_what_is_wrong_with_a_pattern_is_a_sentence(field: str, pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^the pattern") as refusal:
        size_of(make_rule(pattern, field))
    assert str(refusal.value).startswith(problem)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "pattern", ["saw", r"\bsaws?\b", "(?-i)SAW", r"(^|[^\pL\pN])säge", "(a+)+$", "a" * LONGEST_PATTERN]
)
def test_what_people_write_is_small_enough(pattern: str) -> None:
    assert 0 < size_of(make_rule(pattern)) < LARGEST_PROGRAM


def test_a_rule_is_told_by_its_number_its_pattern_and_its_note() -> None:
    assert make_rule("saw").value == "rule 12: name matches “saw”"
    assert make_rule("saw", note="Ann, 3 May").value == "rule 12: name matches “saw”, Ann, 3 May"
    assert make_rule("teeth: .*", "attributes").value == "rule 12: attributes match “teeth: .*”"


@given(st.text(), st.text(), st.sampled_from(["sku", "attributes"]))
def test_what_is_told_is_short_and_printable(pattern: str, note: str, field: str) -> None:
    value = make_rule(pattern, field, note=note).value
    assert value.startswith("rule 12: ")
    assert len(value) <= VALUE_LENGTH
    assert value.isprintable()


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_is_refused_with_a_reason(pattern: str) -> None:
    try:
        assert size_of(make_rule(pattern)) > 0
    except ValueError as error:
        assert str(error).startswith("the pattern ")  # noqa: PT017  # either is right


def test_word_boundaries_beside_letters_that_are_not_ascii_are_warned_of() -> None:
    assert hint_of(make_rule(r"\bsaw\b")) is None
    assert hint_of(make_rule("säge")) is None
    assert "ASCII" in (hint_of(make_rule(r"\bÖl\b")) or "")
