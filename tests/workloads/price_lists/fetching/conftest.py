"""A shelf of the test's own, on which nothing half done may be left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.workloads.price_lists.fetching.shelf import Shelf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


@pytest.fixture
def shelf(folder: Path) -> Iterator[Shelf]:
    yield Shelf(folder)
    left = list(folder.glob("*.part")) if folder.exists() else []
    assert left == [], "something half done was left on the shelf"
