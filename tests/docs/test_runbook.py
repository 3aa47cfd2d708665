"""docs/operations.md: whoever is called by an alert finds its place in the runbook."""

import re

import pytest

from tests.docs.test_inline import anchors
from tests.support.page import ROOT

ALERTS = (ROOT / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
RUNBOOK = ROOT / "docs" / "operations.md"


def test_each_alert_has_its_place() -> None:
    wanted = re.findall(r"runbook_url: docs/operations\.md#([\w-]+)", ALERTS)
    assert len(wanted) == ALERTS.count("- alert: ") > 0
    assert set(wanted) <= anchors(RUNBOOK)


@pytest.mark.parametrize("alert", re.findall(r"- alert: (\w+)", ALERTS))
def test_each_place_says_what_to_do(alert: str) -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    place = re.split(r"^#", text.partition(f"### {alert}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    assert re.search(r"\*(Look and )?[Dd]o\b", place), place
