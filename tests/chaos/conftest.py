"""Which faults are made on which server, and with which rights the daemon meets them."""

from collections.abc import Iterator

import pytest

from daemon.database.embedded import find_servers
from tests.support.database import Database
from tests.support.process import Catalogd
from tests.support.roles import runtime_dsn


@pytest.fixture
def catalogd(database: Database) -> Iterator[Catalogd]:
    """Runs the real command as the runtime role; ends what it started."""
    runner = Catalogd(runtime_dsn(database))
    yield runner
    runner.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `one_server` is made on the first server in the suite, and on the others by `make chaos`."""
    others = find_servers()[1:]
    for item in items:
        parameters = getattr(item, "callspec", None)
        if item.get_closest_marker("one_server") and parameters and parameters.params.get("server") in others:
            item.add_marker(pytest.mark.chaos)
