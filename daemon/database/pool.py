"""Opens the pool of connections: sizes, session settings, a bounded check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import structlog
from psycopg import Connection
from psycopg_pool import ConnectionPool

from daemon.database.probe import probe

log = structlog.get_logger()

Pool = ConnectionPool[Connection]


@dataclass(frozen=True, slots=True)
class Session:
    """What every session of this process has: where it connects, what it is called, what bounds it.

    `conninfo` is a libpq connection string; it may hold a password and is never logged.
    """

    conninfo: str = field(repr=False)
    application_name: str
    idle_in_transaction: timedelta = timedelta(seconds=30)
    lock_timeout: timedelta = timedelta(seconds=1)  # a row that PHP holds for long: other work goes first
    connect_timeout: timedelta = timedelta(seconds=5)

    def connect(self, purpose: str = "") -> Connection:
        """A connection of its own, in autocommit. Raises `psycopg.OperationalError`."""
        conn = psycopg.connect(self.conninfo, **self.parameters(purpose))  # type: ignore[arg-type]
        self.configure(conn)
        return conn

    def parameters(self, purpose: str = "") -> Mapping[str, object]:
        """Keywords for `psycopg.connect`: a dead peer is noticed in seconds, not in TCP's two hours."""
        return {
            "autocommit": True,
            "application_name": f"{self.application_name} {purpose}".strip(),
            "connect_timeout": round(self.connect_timeout.total_seconds()),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        }

    def configure(self, conn: Connection) -> None:
        """Bound what a frozen or lost client may hold."""
        conn.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false),"
            "       set_config('lock_timeout', %s, false),"
            "       set_config('statement_timeout', '0', false)",  # a role's would undo a long plan for ever
            (_milliseconds(self.idle_in_transaction), _milliseconds(self.lock_timeout)),
        )
        try:
            conn.execute("SET client_connection_check_interval = '500ms'")
        except psycopg.Error as error:  # a server whose platform cannot watch its sockets
            log.debug("session.unwatched", sqlstate=error.sqlstate)


def open_pool(session: Session, size: int, wait: timedelta = timedelta(seconds=30)) -> Pool:
    """A pool of exactly `size` connections, open and connected. Later, who asks for one is given up after 5 seconds,
    so that a stop need not wait for a server that is away.

    Raises `psycopg_pool.PoolTimeout` when the server cannot be reached within `wait`.
    """
    pool: Pool = ConnectionPool(
        session.conninfo,
        kwargs=dict(session.parameters()),
        configure=session.configure,
        check=_check,
        min_size=size,
        max_size=size,
        timeout=5.0,
        reconnect_timeout=2.0,  # then the next use tries again: after an outage the pool is back within seconds
        name="catalogd",
        open=False,
    )
    try:
        pool.open(wait=True, timeout=wait.total_seconds())
    except BaseException:
        pool.close()
        raise
    return pool


def stop_preparing(pool: Pool) -> None:
    """Replace the pool's connections by ones that prepare no statement.

    Behind a transaction pooler the next transaction may run in another session of the server, which knows nothing of
    a statement that was prepared before.
    """
    pool.kwargs = {**dict(pool.kwargs or {}), "prepare_threshold": None}  # type: ignore[arg-type]
    pool.drain()


def _check(conn: Connection) -> None:
    probe(conn, deadline_s=5.0)


def _milliseconds(duration: timedelta) -> str:
    return f"{round(duration.total_seconds() * 1000)}ms"
