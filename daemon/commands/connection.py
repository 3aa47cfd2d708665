"""What every command that talks to the database does first."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection

from daemon.database.schema import inspect
from daemon.engine.queue import Queue
from daemon.sessions import name_instance, require_current_schema, session_of
from daemon.settings import read_settings
from daemon.workloads.kind import Kind


@contextmanager
def connected(purpose: str) -> Iterator[Connection]:
    """A connection to the shop's database with a schema of this version. Raises ConfigurationError otherwise."""
    with connect(purpose) as conn:
        yield conn


def connect(purpose: str) -> Connection:
    """The same, to be closed by the caller."""
    conn = session_of(read_settings(), name_instance()).connect(purpose)
    try:
        require_current_schema(inspect(conn))
    except BaseException:
        conn.close()
        raise
    return conn


def queue_of(kind: Kind) -> Queue:
    return Queue(kind.name, kind.table, name_instance())
