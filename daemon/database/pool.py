"""Opens the pool of connections: sizes, session settings, a bounded check."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from types import MappingProxyType
from typing import Any

import psycopg
import structlog
from psycopg import Connection, IsolationLevel, Transaction
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout
from psycopg_pool.pool import MaintenanceTask

from daemon.database.failures import summary
from daemon.database.probe import deadline, probe
from daemon.database.statements import statement

log = structlog.get_logger()

ANSWER_S = 5.0  # for what a server answers at once: a probe, a SET
LONGEST_NAME = 63  # bytes; the server cuts off what is longer

# What only a session of our own can have. The server sends keepalives as we do: it frees the slice of a lost host.
OF_THE_SESSION = MappingProxyType(
    {
        "default_transaction_isolation": "read committed",  # a stricter one fails where two workers count one batch
        "tcp_keepalives_idle": "5s",
        "tcp_keepalives_interval": "2s",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "10s",
    }
)

# Every statement of ours has its index, and a plan is kept for a while (to plan it for each call takes longer than to
# carry it out): it must not depend on how small a table was when the session first met it, nor fetch all in order to
# sort it, or the rest of it, where an index has it in order. (A foreign key's check that was planned for a table of one
# page reads the whole of it for each row once it has grown.) What has to read a whole table all the same looks so dear
# to older servers that they would compile it first.
PLANNING = MappingProxyType(
    {
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_incremental_sort": "off",
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
    }
)


class BoundedConnection(Connection[TupleRow]):
    """A connection that another thread can watch, and that brings its bounds along where no session keeps them."""

    spoke_at: float = 0.0
    """When an exchange with the server last began or ended (`time.monotonic`): while a command is in progress, that is
    how long the answer takes; otherwise, how long the client has been silent."""
    severed_at: float | None = None
    """The beginning of the exchange in which another thread has severed it."""
    worked_s: float = 0.0
    """How long it was worked with since its session last planned anew."""
    session_pid: int | None = None
    """Of the server's session; None behind a transaction pooler, where each transaction may have another."""
    bounds_of_transactions: Mapping[str, str] | None = None
    """Settings with which each transaction begins, where the session cannot keep them."""

    def wait(self, *arguments: Any, **keywords: Any) -> Any:
        self.spoke_at = monotonic()
        try:
            return super().wait(*arguments, **keywords)
        finally:
            self.spoke_at = monotonic()

    @contextmanager
    def transaction(self, savepoint_name: str | None = None, force_rollback: bool = False) -> Iterator[Transaction]:
        is_outermost = self.info.transaction_status is TransactionStatus.IDLE
        with super().transaction(savepoint_name, force_rollback) as transaction:
            if self.bounds_of_transactions is not None and is_outermost:
                _set(self, self.bounds_of_transactions, local=True)
            yield transaction


class Pool(ConnectionPool[BoundedConnection]):
    """Says why it has no connection, where the library says only for how long one was waited for."""

    failure: psycopg.Error | None = None
    """Of the last attempt to connect."""

    def getconn(self, timeout: float | None = None) -> BoundedConnection:
        with self._with_its_cause():
            return super().getconn(timeout)

    def wait(self, timeout: float = 30.0) -> None:
        with self._with_its_cause():
            super().wait(timeout)

    def _connect(self, timeout: float | None = None) -> BoundedConnection:
        try:
            conn = super()._connect(timeout)
        except psycopg.Error as error:
            self.failure = error
            raise
        self.failure = None
        return conn

    @contextmanager
    def _with_its_cause(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as timeout:
            cause = self.failure
            if cause is None:
                raise
            raise PoolTimeout(f"{timeout}: {summary(cause)}") from cause


def bounded(conn: Connection) -> AbstractContextManager[object]:
    """Around a single statement that may last: a transaction, where the session keeps no bounds."""
    brings_bounds = isinstance(conn, BoundedConnection) and conn.bounds_of_transactions is not None
    return conn.transaction() if brings_bounds else nullcontext()


@dataclass(frozen=True, slots=True)
class Session:
    """What every session of this process has: where it connects, what it is called, what bounds it.

    `conninfo` is a libpq connection string, or gives one for each new connection, so that a password may change; it is
    never logged. What it raises must be a `psycopg.Error`.
    """

    conninfo: str | Callable[[], str] = field(repr=False)
    application_name: str
    idle_in_transaction: timedelta = timedelta(seconds=30)
    # A row that PHP holds for long: other work goes first. And of two that wait for each other we give way, before the
    # server's deadlock_timeout (1 s) lets it choose.
    lock_timeout: timedelta = timedelta(milliseconds=500)
    connect_timeout: timedelta = timedelta(seconds=5)
    statement_timeout: timedelta = timedelta(0)  # none: a role's own would undo a long plan for ever
    require: Callable[[Connection], object] = lambda _: None  # raises what it likes where the server is of no use

    def connect(self, purpose: str = "") -> Connection:
        """A connection of its own, in autocommit. Raises `psycopg.OperationalError`, and what `require` raises."""
        conn = BoundedConnection.connect(self.current_conninfo(), **self.parameters(purpose))  # type: ignore[arg-type]
        try:
            self.require(conn)
            self.configure(conn)
        except BaseException:
            conn.close()
            raise
        return conn

    def current_conninfo(self) -> str:
        """The connection string for a connection that is opened now."""
        return self.conninfo() if callable(self.conninfo) else self.conninfo

    def parameters(self, purpose: str = "") -> Mapping[str, object]:
        """Keywords for `psycopg.connect`: a dead peer is noticed in seconds, not in TCP's two hours."""
        return {
            "autocommit": True,
            "application_name": self._name_for(purpose),
            "client_encoding": "UTF8",  # whatever PGCLIENTENCODING says; the server converts
            "connect_timeout": round(self.connect_timeout.total_seconds()),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        }

    def _name_for(self, purpose: str) -> str:
        """Of a long name (a host's may have 63 characters) the end goes, not the purpose: by it sessions that may be
        silent are told from the workers'."""
        suffix = f" {purpose}" if purpose else ""
        return self.application_name[: LONGEST_NAME - len(suffix)] + suffix

    def configure(self, conn: Connection) -> None:
        """Bound what a frozen or lost client may hold, and fix where names are looked up, whatever the role's own
        settings are.

        Behind a pooler a setting would stay with a session of the server that others are given next: there each
        transaction brings its bounds along, and nothing is prepared. Gives up a server that stays silent.
        """
        with deadline(conn, ANSWER_S):
            self._configure(conn)

    def _configure(self, conn: Connection) -> None:
        name = conn.info.parameter_status("application_name") or self.application_name
        own = {"pid": conn.info.backend_pid}
        found = conn.execute(statement("daemon.database", "find_session"), own).fetchone()
        assert found is not None  # noqa: S101  # an aggregate has one row
        session_pid, _, search_path = found
        bounds = self._bounds(conn.info.server_version) | {"search_path": search_path}
        if isinstance(conn, BoundedConnection):
            if session_pid != conn.info.backend_pid:
                conn.bounds_of_transactions = bounds | {"application_name": name}
                conn.isolation_level = IsolationLevel.READ_COMMITTED
                conn.prepare_threshold = None
                return
            conn.session_pid = session_pid
        _set(conn, bounds | OF_THE_SESSION)
        try:
            conn.execute("SET client_connection_check_interval = '500ms'")
        except psycopg.Error as error:  # a server whose platform cannot watch its sockets
            log.debug("session.unwatched", sqlstate=error.sqlstate)
        if conn.prepare_threshold is not None:
            conn.prepare_threshold = 0  # planning a statement of ours takes longer than to carry it out

    def _bounds(self, server_version: int) -> dict[str, str]:
        bounds = {
            "idle_in_transaction_session_timeout": _milliseconds(self.idle_in_transaction),
            "lock_timeout": _milliseconds(self.lock_timeout),
            "statement_timeout": _milliseconds(self.statement_timeout),
            "quote_all_identifiers": "off",  # the server would write its own words otherwise than we know them
            **PLANNING,
        }
        if server_version >= 170_000:
            bounds["transaction_timeout"] = "0"  # likewise
        return bounds


def _set(conn: Connection, settings: Mapping[str, str], *, local: bool = False) -> None:
    conn.execute(
        "SELECT set_config(name, setting, %s) FROM unnest(%s::text[], %s::text[]) AS bound (name, setting)",
        (local, list(settings), list(settings.values())),
    )


def open_pool(
    session: Session,
    size: int,
    wait: timedelta | None = timedelta(seconds=30),
    purpose: str = "",
    on_connect: Callable[[], object] = lambda: None,
) -> Pool:
    """A pool of exactly `size` connections, open and connected. Later, who asks for one is given up after 5 seconds,
    so that a stop need not wait for a server that is away. `on_connect` is called by the pool's threads whenever one is
    about to open a connection.

    Raises `psycopg_pool.PoolTimeout` when the server cannot be reached within `wait`; None does not wait, and the first
    who asks for a connection sees.
    """

    def conninfo() -> str:
        on_connect()
        return session.current_conninfo()

    pool = Pool(
        conninfo,
        connection_class=BoundedConnection,
        kwargs=dict(session.parameters(purpose)),
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
        pool.open(wait=wait is not None, timeout=wait.total_seconds() if wait is not None else 0.0)
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


class _Chore(MaintenanceTask):
    def __init__(self, pool: Pool, act: Callable[[], object], every_s: float) -> None:
        super().__init__(pool)
        self._act = act
        self._every_s = every_s

    def _run(self, pool: ConnectionPool[Any]) -> None:
        self._act()
        pool.schedule_task(self, self._every_s)


def keep_doing(pool: Pool, act: Callable[[], object], every_s: float) -> None:
    """Have the pool's own threads call this again and again, in turn with what they are there for, until it is closed:
    where they do, they live."""
    pool.run_task(_Chore(pool, act, every_s))


def _check(conn: Connection) -> None:
    probe(conn, deadline_s=ANSWER_S)


def _milliseconds(duration: timedelta) -> str:
    return f"{round(duration.total_seconds() * 1000)}ms"
