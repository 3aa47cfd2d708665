"""What every command that talks to the database does first."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection

from daemon.database.pool import BoundedConnection
from daemon.database.schema import inspect
from daemon.database.statements import statement
from daemon.engine.queue import Queue
from daemon.sessions import name_instance, require_current_schema, session_of
from daemon.settings import read_settings
from daemon.workloads.kind import Kind


@contextmanager
def connected(purpose: str) -> Iterator[Connection]:
    """A connection to the shop's database with a schema of this version. Raises ConfigurationError otherwise."""
    session = session_of(read_settings(), name_instance())
    with session.connect(purpose) as conn:
        require_current_schema(inspect(conn))
        yield conn


def queue_of(kind: Kind) -> Queue:
    return Queue(kind.name, kind.table, name_instance())


def is_anyone_at_work(conn: Connection) -> bool:
    """Whether a `catalogd run` is seen in this database. Through a pooler, which hides its clients, it is believed."""
    if isinstance(conn, BoundedConnection) and conn.session_pid is None:
        return True
    row = conn.execute(statement("daemon.commands", "find_instance")).fetchone()
    return row is not None
