"""Real servers, a migrated database per test, real processes; nothing is left behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from daemon.database.embedded import ServerBinaries, find_servers
from tests.support.bytecode import kept_for_this_run
from tests.support.database import Database
from tests.support.events import EventTap
from tests.support.nursery import close_nursery
from tests.support.process import Catalogd
from tests.support.roles import runtime_dsn
from tests.support.server import PrivateServer, private_server

# In the background of a shell SIGINT is ignored, and would be by every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that others use too is slow at times: that is no failure of a property.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Before the workers are started, which find it in their environment."""
    stack = ExitStack()
    stack.enter_context(kept_for_this_run())
    config.add_cleanup(stack.close)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `one_server` is on another than the first `other_server`, which the suite leaves out."""
    others = find_servers()[1:]
    for item in items:
        parameters = getattr(item, "callspec", None)
        if item.get_closest_marker("one_server") and parameters and parameters.params.get("server") in others:
            item.add_marker(pytest.mark.other_server)


@pytest.fixture(scope="session", params=find_servers(), ids=lambda binaries: binaries.name)
def server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A private server of each version found; every test that uses a database runs once on each."""
    binaries: ServerBinaries = request.param
    with private_server(binaries, {"max_connections": "200", "autovacuum_naptime": "5s"}) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def no_nursery_left() -> Iterator[None]:
    yield
    close_nursery()


@pytest.fixture(scope="session")
def template(server: PrivateServer) -> str:
    """The name of a migrated database with an empty stand-in shop, to be copied."""
    return Database.create(server, "template_shop").migrated().as_template()


@pytest.fixture
def database(server: PrivateServer, template: str) -> Iterator[Database]:
    """A migrated database of the test's own, with an empty stand-in shop. No session may be left in it."""
    copy = Database.create(server, template=template)
    yield copy
    left = copy.sessions_left()
    copy.drop()
    assert left == [], "sessions were left open"


@pytest.fixture
def empty_database(server: PrivateServer) -> Iterator[Database]:
    """A database without any table."""
    fresh = Database.create(server)
    yield fresh
    fresh.drop()


@pytest.fixture
def db(database: Database) -> Iterator[psycopg.Connection]:
    """A connection to the test's database, in autocommit."""
    with database.connect() as conn:
        yield conn


@pytest.fixture
def catalogd(database: Database) -> Iterator[Catalogd]:
    """Runs the real command against the test's database, the daemon as the runtime role; ends what it started."""
    runner = Catalogd(database.dsn, daemon_dsn=runtime_dsn(database))
    yield runner
    runner.close()


@pytest.fixture
def events() -> Iterator[EventTap]:
    """What the code under test announces, in this process."""
    with EventTap() as tap:
        yield tap


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()]
    assert left == [], "threads were left running"
