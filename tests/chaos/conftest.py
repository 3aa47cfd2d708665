"""With which rights the daemon meets the faults."""

from collections.abc import Iterator

import pytest

from tests.support.database import Database
from tests.support.process import Catalogd
from tests.support.roles import runtime_dsn


@pytest.fixture
def catalogd(database: Database) -> Iterator[Catalogd]:
    """Runs the real command as the runtime role; ends what it started."""
    runner = Catalogd(runtime_dsn(database))
    yield runner
    runner.close()
