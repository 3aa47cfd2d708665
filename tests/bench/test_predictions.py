"""docs/predictions.md: made of its template and its figures. What it tells to run, tests/docs runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template
from typing import Any

import pytest

from bench.predictions import document, pictures, views
from bench.predictions.examples import make_examples

pytestmark = pytest.mark.one_server  # its subject is a document

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEMPLATE = document.TEMPLATE.read_text(encoding="utf-8")
LARGEST_PICTURE = 60_000  # bytes


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((DOCS / "predictions.json").read_text(encoding="utf-8"))
    return figures


@pytest.fixture(scope="module")
def text() -> str:
    return (DOCS / "predictions.md").read_text(encoding="utf-8")


def test_the_document_is_what_the_template_and_the_figures_give(found: dict[str, Any], text: str) -> None:
    assert document.write(found) == text, "python -m bench.evaluate --render docs/predictions.json --document docs"


def test_the_pictures_are_there_small_and_readable_in_any_light(
    found: dict[str, Any], text: str, tmp_path: Path
) -> None:
    shown = set(re.findall(r"!\[[^\]]+\]\((.*?)\)", text))
    assert shown == {f"predictions-{name}.svg" for name in pictures.write_svg(found, tmp_path)}
    assert {file.name for file in DOCS.glob("predictions-*")} == shown, "and no other"
    for name in shown:
        drawn = (DOCS / name).read_text(encoding="utf-8")
        assert len(drawn.encode()) < LARGEST_PICTURE
        assert "prefers-color-scheme: dark" in drawn
        assert "currentColor" in drawn
        assert drawn.count("<svg") == 1


def test_the_words_of_the_template_hold_no_measured_figure() -> None:
    words = re.sub(r"^```.*?^```", "", TEMPLATE, flags=re.DOTALL | re.MULTILINE)
    words = re.sub(r"`[^`]+`|\]\([^)]+\)|\$\w+", "", words)
    told = set(re.findall(r"\d[\d.,]*\d|\d", words))
    # 93 is the question; 90 and 99 are what people may want; 4 and 1 are weights that they choose; 15 and 17 are ADRs.
    assert told <= {"93", "7", "90", "99", "100", "4", "1", "15", "17"}


def test_examples_are_the_same_each_time() -> None:
    examples = make_examples(800)
    assert examples == make_examples(800)
    assert json.loads(json.dumps(examples)) == examples
    assert "(low)" in str(examples["strange"]["explained"])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("sure", ("(high)", "Part number:", "Name:", "Attributes:", "Description:")),
        ("torn", ("(medium)", "Runner-up:", "Branch:", "it might also be")),
        ("strange", ("(low)", "Unfamiliar:")),
    ],
)
def test_the_document_shows_an_example_of_each_kind(found: dict[str, Any], kind: str, words: tuple[str, ...]) -> None:
    assert all(word in found["examples"][kind]["explained"] for word in words)


def test_without_a_figure_the_document_says_so(found: dict[str, Any]) -> None:
    bare = {
        **found,
        "worth": [],
        "examples": {},
        "around": views.around([], []),
        "figures": [{**each, "is_reached": True} for each in found["figures"]],
    }
    told = document.write(bare)
    assert "no product had a confidence between 91 and 95" in told
    assert "It was not measured in this run." in told
    assert "In this run nothing of it is missed." in told
    assert "hundred" not in pictures.draw_all(bare)


def test_what_stands_in_a_table_cannot_break_it() -> None:
    shown = document.rows_of(("a", "b"), [("1", "2")])
    assert shown == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert "pins \\| header" in document._show({"product": [["name", "pins | header"]], "id": 1, "explained": "x"})


SURE = [95.0, 93.0, 92.0, 91.0, 80.0, 60.0, 59.9, 10.0]
RIGHT = [True, True, True, False, True, False, True, False]


def test_around_a_confidence_are_those_near_it() -> None:
    near = views.around(SURE, RIGHT)
    assert (near["products"], near["right"], near["said"]) == (4, 3, 92.75)
    assert 0 < float(str(near["least"])) < 0.75 < float(str(near["most"])) < 1


def test_levels_and_thresholds_share_out_all_products() -> None:
    levels = views.by_level(SURE, RIGHT, 90.0)
    assert [(each["level"], each["share"], each["right"]) for each in levels] == [
        ("high", 0.5, 0.75),
        ("medium", 0.25, 0.5),
        ("low", 0.25, 0.5),
    ]
    (row,) = views.by_threshold(SURE, RIGHT, [[95.0, 10.0], [10.0, 10.0]], thresholds=[92.0])
    assert row == {"threshold": 92.0, "coverage": 0.375, "precision": 1.0, "unseen": 0.25}


def test_a_thinned_curve_keeps_the_threshold_and_both_ends() -> None:
    sure = [100 - number / 100 for number in range(5_000)]
    points = views.thin_curve(sure, [True] * len(sure), 90.0)
    assert len(points) <= views.POINTS + 20
    assert (points[0].threshold, points[-1].coverage) == (100.0, 1.0)
    assert 90.0 in {point.threshold for point in points}


def test_the_template_names_each_of_its_figures_once() -> None:
    names = Template(TEMPLATE).get_identifiers()
    for name in names:
        is_constant = name in document.CONSTANTS
        assert is_constant or len(re.findall(rf"\${name}\b", TEMPLATE)) == 1, name
    assert document.CONSTANTS.keys() <= set(names), "what nobody reads"
