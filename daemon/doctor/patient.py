"""What is examined: the environment, the settings, the database as this process reaches it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection

from daemon.database.pool import BoundedConnection, Session
from daemon.database.statements import statement
from daemon.settings import Settings
from daemon.workloads.kind import Kind


@dataclass
class Patient:
    """Filled in as the examination goes on: `settings` and `conn` are None until they are known to be good."""

    environ: Mapping[str, str]
    kinds: Sequence[Kind]
    settings: Settings | None = None
    session: Session | None = None
    conn: Connection | None = None
    is_migrated: bool = False  # once, at least

    @property
    def database(self) -> Connection:
        assert self.conn is not None  # noqa: S101  # what a check needs is there when it runs
        return self.conn

    @property
    def is_pooled(self) -> bool:
        """Whether a transaction pooler stands in between."""
        return isinstance(self.conn, BoundedConnection) and self.conn.session_pid is None

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, as far as the address tells."""
        return self.is_socket or self.database.info.hostaddr in ("127.0.0.1", "::1")

    @property
    def is_socket(self) -> bool:
        return self.database.info.host.startswith(("/", "@"))

    @property
    def role(self) -> str:
        return str(self.database.info.user)


def sql(name: str) -> bytes:
    """A statement of the checks."""
    return statement("daemon.doctor", name)
