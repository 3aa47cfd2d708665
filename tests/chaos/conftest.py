"""Which faults are made on which server."""

import pytest

from daemon.database.embedded import find_servers


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `one_server` is made on the first server in the suite, and on the others by `make chaos`."""
    others = find_servers()[1:]
    for item in items:
        parameters = getattr(item, "callspec", None)
        if item.get_closest_marker("one_server") and parameters and parameters.params.get("server") in others:
            item.add_marker(pytest.mark.chaos)
