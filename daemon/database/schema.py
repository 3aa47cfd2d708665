"""Brings the schema up to date with yoyo, and tells whether it is.

yoyo is wrapped because it is not atomic (a migration commits before it is marked), leaves its lock behind when killed,
and does not notice edited files. So: an advisory lock of our own, taken by polling (a blocking wait would hold a
snapshot and stall CREATE INDEX CONCURRENTLY); every migration file can be run again; what was applied is recorded
with its checksum, and with the columns and triggers it left.
"""

import hashlib
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb
from yoyo import read_migrations
from yoyo.backends.base import DatabaseBackend
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table

from daemon.database.failures import Effect, effect_of
from daemon.database.pool import Session
from daemon.database.statements import statement

ADVISORY_LOCK = 0x63617461_6C6F6764  # "catalogd"
POLL_S = 0.1


class MigrationRefused(Exception):
    """The database is not in a shape that can be migrated; the message names table, column and remedy."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How the database's schema stands against this version's migrations."""

    missing: tuple[str, ...]  # migrations not applied yet
    unknown: tuple[str, ...]  # applied by a newer version
    edited: tuple[str, ...]  # applied, then changed: files by their checksum, columns and triggers by their absence

    @property
    def is_current(self) -> bool:
        return not (self.missing or self.unknown or self.edited)


def migrations_directory() -> Path:
    """Where the SQL files are: inside the package; in a checkout that is a link to the top level's folder."""
    return Path(__file__).parents[1] / "migrations"


def checksums() -> dict[str, str]:
    """SHA-256 of each migration's SQL, by migration id."""
    files = sorted(migrations_directory().glob("[0-9]*.sql"))
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(".rollback.sql")
    }


def inspect(conn: Connection) -> SchemaState:
    """Compare, with SELECT alone: the daemon's role needs no more. Never raises for an empty database."""
    own = checksums()
    if not all(_has(conn, table) for table in ("_yoyo_migration", "catalogd_schema", "catalogd_additions")):
        return SchemaState(missing=tuple(own), unknown=(), edited=())
    with conn.cursor(row_factory=scalar_row) as cursor:
        applied = set(cursor.execute("SELECT migration_id FROM _yoyo_migration").fetchall())
    recorded = conn.execute("SELECT checksums, shape FROM catalogd_schema").fetchone()
    files, shape = recorded or ({}, [])
    edited = [f"migration {name}" for name in own if name in applied and name in files and files[name] != own[name]]
    edited += sorted(set(shape) - set(_shape(conn)))
    return SchemaState(
        missing=tuple(name for name in own if name not in applied or name not in files),
        unknown=tuple(sorted(applied - own.keys())),
        edited=tuple(edited),
    )


def migrate(session: Session, wait_s: float = 60.0) -> list[str]:
    """Apply what is missing, and everything again where the schema was edited; returns the ids applied.

    Safe to run several times at once, and after having been killed at any point. Raises
    MigrationRefused, `TimeoutError` when another migration holds the lock for `wait_s` seconds,
    and psycopg's errors.
    """
    with session.connect("migrate") as conn, _exclusive(conn, wait_s):
        state = inspect(conn)
        if state.unknown:
            raise MigrationRefused(
                f"the database was migrated by a newer catalogd ({', '.join(state.unknown)}); install that version"
            )
        if state.is_current:
            return []
        with _backend(session) as backend:
            migrations = read_migrations(str(migrations_directory()))
            if state.edited:
                applied = [migration for migration in migrations if backend.is_applied(migration)]
                backend.unmark_migrations(MigrationList(applied))
            done = _apply(backend, migrations)
        _record(conn)
        return done


def rollback(session: Session, wait_s: float = 60.0) -> list[str]:
    """Undo every migration, newest first; what was there before the first stays. For tests and for leaving."""
    with session.connect("migrate") as conn, _exclusive(conn, wait_s):
        with _backend(session) as backend:
            migrations = backend.to_rollback(read_migrations(str(migrations_directory())))
            backend.rollback_migrations(migrations)
        return [migration.id for migration in migrations]


def _apply(backend: DatabaseBackend, migrations: MigrationList) -> list[str]:
    todo = backend.to_apply(migrations)
    try:
        backend.apply_migrations(todo)
    except psycopg.Error as error:
        if error.diag.message_primary is None or effect_of(error) is Effect.TRANSIENT:
            raise
        hint = f"; remedy: {error.diag.message_hint}" if error.diag.message_hint else ""
        raise MigrationRefused(f"{error.diag.message_primary}{hint}") from error
    left = [migration.id for migration in backend.to_apply(migrations)]
    if left:  # yoyo passes over a migration that it cannot read
        raise MigrationRefused(f"migrations could not be read: {', '.join(left)}")
    return [migration.id for migration in todo]


def _record(conn: Connection) -> None:
    conn.execute(
        "INSERT INTO catalogd_schema (checksums, shape) VALUES (%s, %s)"
        " ON CONFLICT (is_current) DO UPDATE"
        " SET checksums = excluded.checksums, shape = excluded.shape, recorded_at = now()",
        (Jsonb(checksums()), Jsonb(_shape(conn))),
    )


def _shape(conn: Connection) -> list[str]:
    """What the daemon relies on, one line a column, trigger and constraint."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement("daemon.database", "shape")).fetchall()


def _has(conn: Connection, table: str) -> bool:
    row = conn.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    return bool(row and row[0])


@contextmanager
def _exclusive(conn: Connection, wait_s: float) -> Iterator[None]:
    deadline = monotonic() + wait_s
    while not _try_lock(conn):
        if monotonic() > deadline:
            raise TimeoutError(f"another migration has been running for {wait_s:.0f} seconds")
        Event().wait(POLL_S)
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))


def _try_lock(conn: Connection) -> bool:
    row = conn.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)).fetchone()
    return bool(row and row[0])


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """Notes neither user nor host: to look them up fails for a user without a name, and waits for a slow DNS."""

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, object]:
        return {
            "id": str(uuid.uuid1()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": "",
            "hostname": "",
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


@contextmanager
def _backend(session: Session) -> Iterator[DatabaseBackend]:
    arguments = dict(conninfo_to_dict(session.conninfo)) | dict(session.parameters("yoyo"))
    database = arguments.pop("dbname", None)
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, database, arguments)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Nested transaction requested")  # yoyo's own, harmless on PostgreSQL
        backend = _Backend(uri, default_migration_table)
        try:
            backend.init_database()
            backend.break_lock()  # we hold the advisory lock, so a lock found here was left by a killed process
            with backend.lock():
                yield backend
        finally:
            backend.connection.close()
