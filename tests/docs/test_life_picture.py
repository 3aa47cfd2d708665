"""docs/images/life-of-a-batch.svg: drawn anew it is the same, and nothing sticks out."""

from xml.etree import ElementTree

import pytest

from docs.generate.life import LANES, STORY, WIDTH, Transaction, draw_life
from tests.support.page import ROOT

pytestmark = pytest.mark.one_server  # its subject is a picture

WIDEST_SIGN = 7.6  # pixels, of the font that the picture asks for, on average over a text


def test_the_picture_is_what_is_drawn() -> None:
    picture = ROOT / "docs" / "images" / "life-of-a-batch.svg"
    assert draw_life() == picture.read_text(encoding="utf-8"), "out of date: make docs"


def test_it_is_whole_readable_in_any_light_and_told_in_words() -> None:
    root = ElementTree.fromstring(draw_life())  # noqa: S314  # our own
    space = {"svg": "http://www.w3.org/2000/svg"}
    told = root.findtext("svg:desc", namespaces=space) or ""
    assert "status = completed" in told
    assert "@media (prefers-color-scheme: dark)" in draw_life()
    assert len(root.findall("svg:rect", space)) == 1 + sum(isinstance(step, Transaction) for step in STORY)


def test_no_text_leaves_its_box() -> None:
    assert max(LANES.values()) < WIDTH
    inside = LANES["worker"] - LANES["Postgres"] + 48 - 28
    for step in STORY:
        if isinstance(step, Transaction):
            assert max(len(text) for text in (step.title, *step.steps)) * WIDEST_SIGN < inside, step
