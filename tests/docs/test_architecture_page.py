"""docs/architecture.md tells of every room."""

import pytest

from tests.support.page import ROOT

pytestmark = pytest.mark.one_server  # its subject is a page


def test_every_room_is_told_of() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "daemon").glob("*/__init__.py")}
    rooms |= {f"workloads/{path.parent.name}" for path in (ROOT / "daemon" / "workloads").glob("*/__init__.py")}
    untold = {room for room in rooms if f"](../daemon/{room})" not in page}
    assert untold == {"workloads"}, "of which each is told"
