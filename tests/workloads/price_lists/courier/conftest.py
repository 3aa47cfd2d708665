"""A desk, and the service that it sends lists to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import Database
from tests.support.ml_service import MlService
from tests.support.server import PrivateServer
from tests.workloads.price_lists.courier.desk import Desk


@pytest.fixture(scope="module")
def orders(server: PrivateServer, template: str) -> Iterator[Database]:
    """One database for all tests of a module: each has imports of its own."""
    copy = Database.create(server, template=template)
    yield copy
    left = copy.sessions_left()
    copy.drop()
    assert left == [], "sessions were left open"


@pytest.fixture
def service() -> Iterator[MlService]:
    with MlService() as running:
        yield running


@pytest.fixture
def new_desk(orders: Database, tmp_path: Path, service: MlService) -> Callable[..., Desk]:
    """Another process that knows the same service, unless told otherwise."""

    def make(**options: Any) -> Desk:
        return Desk(orders, tmp_path / "shelf", **({"address": service.url} | options))

    return make


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Desk:
    return new_desk()
