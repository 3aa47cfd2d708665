"""docs/events.md has every event that the code logs, with its levels and keys, and no other."""

import re

import pytest

from tests.support.announced import read_announced
from tests.support.page import ROOT

pytestmark = pytest.mark.one_server  # its subject is a page

ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| ([a-z, ]+) \| ((?:`\w+`(?:, )?)*) ?\|", re.MULTILINE)
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
COMPUTED = {
    "batch.drifted": {
        f"{usual}{figure}" for usual in ("", "usual_") for figure in ("low", "unknown", "unknown_manufacturers")
    }
}
"""Keys whose names are put together where they are logged."""

TOLD = {name: (set(levels.split(", ")), set(re.findall(r"\w+", keys))) for name, levels, keys in ROW.findall(PAGE)}
LOGGED = read_announced(ROOT / "daemon")


def test_each_event_of_the_code_is_on_the_page_and_the_other_way_round() -> None:
    assert sorted(TOLD) == sorted(LOGGED)
    assert len(ROW.findall(PAGE)) == len(TOLD), "an event twice"


@pytest.mark.parametrize("name", sorted(LOGGED))
def test_levels_and_keys_are_those_of_the_code(name: str) -> None:
    levels, keys = TOLD[name]
    assert levels == LOGGED[name].levels
    assert keys == LOGGED[name].keys | COMPUTED.get(name, set())


def test_the_changelog_names_each_event() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [name for name in LOGGED if f"`{name}`" not in changes] == []


def test_what_the_scan_sees() -> None:
    assert len(LOGGED) > 60
    assert LOGGED["slice.retried"].keys >= {"slice_id", "attempt"}, "keys by a function"
    assert LOGGED["worker.waiting"].levels == {"warning", "error"}, "a level that is chosen"
    assert LOGGED["model.promoted"].keys == {"version", "against", "why"}, "keys that are bound"
