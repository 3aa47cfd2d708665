"""Instances that are alive, as the server's list of sessions shows them, and what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.pool import BoundedConnection
from daemon.database.statements import statement
from daemon.sessions import LISTENER, PREFIX
from daemon.workloads.kind import Kind


@dataclass(frozen=True, slots=True)
class Instance:
    """A `catalogd run`."""

    name: str
    host: str
    pid: int | None  # None where somebody else has named a session so
    version: str | None  # None of 0.1.0, which did not tell it
    sessions: int
    listens: bool
    up_s: float | None  # None where this role may not see it

    def holds(self, hold: "Hold") -> bool:
        return hold.instance == self.name


@dataclass(frozen=True, slots=True)
class Hold:
    """What an instance has in hand of one batch; no slice while it is being prepared."""

    instance: str
    workload: str
    batch_id: int
    slices: int
    items: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session's name, and for how long it is there if that may be seen."""

    name: str
    up_s: float | None


def read_instances(conn: Connection) -> list[Instance] | None:
    """Those that are alive; None where a pooler hides its clients."""
    if hides_clients(conn):
        return None
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        return group_sessions(cursor.execute(statement("daemon.batches", "list_sessions")).fetchall())


def hides_clients(conn: Connection) -> bool:
    return isinstance(conn, BoundedConnection) and conn.session_pid is None


def is_anyone_at_work(conn: Connection) -> bool:
    """Whether a `catalogd run` is seen in this database. Through a pooler, which hides its clients, it is believed."""
    return hides_clients(conn) or conn.execute(statement("daemon.batches", "find_instance")).fetchone() is not None


def read_holds(conn: Connection, kinds: Sequence[Kind]) -> list[Hold]:
    with conn.cursor(row_factory=class_row(Hold)) as cursor:
        parameters = {"workloads": [kind.name for kind in kinds]}
        return cursor.execute(statement("daemon.batches", "list_holds"), parameters).fetchall()


def group_sessions(sessions: Sequence[Session]) -> list[Instance]:
    """By instance."""
    found: dict[str, list[Session]] = {}
    for session in sessions:
        name = session.name.removeprefix(PREFIX).removesuffix(LISTENER)
        if ":" in name:
            found.setdefault(name, []).append(session)
    return [_instance(name, own) for name, own in sorted(found.items())]


def _instance(name: str, sessions: Sequence[Session]) -> Instance:
    host, _, rest = name.partition(":")
    pid, _, rest = rest.partition(":")
    _, _, version = rest.partition(":")
    ups = [session.up_s for session in sessions if session.up_s is not None]
    return Instance(
        name=name,
        host=host,
        pid=int(pid) if pid.isascii() and pid.isdigit() else None,
        version=version or None,
        sessions=len(sessions),
        listens=any(session.name.endswith(LISTENER) for session in sessions),
        up_s=max(ups, default=None),
    )
