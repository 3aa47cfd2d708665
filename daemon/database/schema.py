"""Brings the schema up to date with yoyo, and tells whether it is.

yoyo is wrapped because it is not atomic (a migration commits before it is marked), leaves its lock behind when killed,
and does not notice edited files. So: an advisory lock of our own, taken by polling (a blocking wait would hold a
snapshot and stall CREATE INDEX CONCURRENTLY); every migration file can be run again; what was applied is recorded
with its checksum, and with the columns and triggers it left.
"""

import hashlib
import re
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
from psycopg import Connection, sql
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
BELL = "catalogd_batch_inserted"  # the trigger that notifies
ADOPTS_PREDICTIONS = "0003-adopt-predictions"  # made for plain tables: not run again once they are partitioned
CASTS = re.compile(r"::(text|character varying)\b(\[\])?|[()]")
LAST_OF = {"0.1.0": "0022-create-matches"}  # the newest migration of each release, for the way back to it


class MigrationRefused(Exception):
    """The database is not in a shape that can be migrated; the message names table, column and remedy."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How the database's schema stands against this version's migrations."""

    missing: tuple[str, ...]  # migrations not applied yet
    unknown: tuple[str, ...]  # applied by a newer version
    edited: tuple[str, ...]  # applied, then changed: files by their checksum, columns and triggers by their absence
    rings: bool = True  # whether inserting a batch notifies

    @property
    def is_current(self) -> bool:
        return not (self.missing or self.unknown or self.edited)


def thing_of(line: str) -> str:
    """What a line of the shape is about, without how it was: that is for the machine."""
    return line.partition(", enabled ")[0]


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
    found = {_without_casts(line) for line in _shape(conn)}
    edited += sorted(line for line in shape if _without_casts(line) not in found)
    return SchemaState(
        missing=tuple(name for name in own if name not in applied or name not in files),
        unknown=tuple(sorted(applied - own.keys())),
        edited=tuple(edited),
        rings=not _bells(conn, ring=False),
    )


def migrate(session: Session, wait_s: float = 60.0, *, rings: bool = True) -> list[str]:
    """Apply what is missing, and everything again where the schema was edited; returns the ids applied.

    Afterwards inserting a batch notifies if it `rings`. Safe to run several times at once, and after having been
    killed at any point. Raises MigrationRefused, `TimeoutError` when another migration holds the lock for
    `wait_s` seconds, and psycopg's errors.
    """
    with exclusive(session, wait_s), session.connect("migrate") as conn:
        state = inspect(conn)
        if state.unknown:
            raise MigrationRefused(
                f"the database was migrated by a newer catalogd ({', '.join(state.unknown)}); install that version"
            )
        is_divided = is_partitioned(conn)
        if is_divided:
            _refuse_lost_parts(state)
        done = [] if state.is_current else _bring_up_to_date(session, state, is_divided)
        changed = _set_bells(conn, rings)
        if changed or not state.is_current:
            record(conn)
        return done


def rollback(session: Session, wait_s: float = 60.0) -> list[str]:
    """Undo every migration, newest first; what was there before the first stays. For tests and for leaving."""
    with exclusive(session, wait_s), _backend(session) as backend:
        migrations = backend.to_rollback(read_migrations(str(migrations_directory())))
        backend.rollback_migrations(migrations)
        return [migration.id for migration in migrations]


def go_back(session: Session, release: str, wait_s: float = 60.0) -> list[str]:
    """Undo what was added since that release, newest first, so that it can start; returns the ids undone.

    What newer versions keep in tables of their own is lost, and none of them may be running. Raises as `migrate` does.
    """
    with exclusive(session, wait_s), session.connect("migrate") as conn:
        state = inspect(conn)
        if state.unknown:
            raise MigrationRefused(f"only the catalogd that made {state.unknown[-1]} can undo it: run that version's")
        with _backend(session) as backend:
            migrations = backend.to_rollback(read_migrations(str(migrations_directory())))
            added = [migration for migration in migrations if migration.id > LAST_OF[release]]
            backend.rollback_migrations(MigrationList(added))
        record(conn)
        return [migration.id for migration in added]


def is_partitioned(conn: Connection) -> bool:
    """Whether `catalogd partition` has been at predictions and evidence."""
    row = conn.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('predictions')").fetchone()
    return bool(row and row[0])


def _refuse_lost_parts(state: SchemaState) -> None:
    """What a migration adds to a plain table it cannot add to a partitioned one, but for a trigger."""
    parts = (line for line in state.edited if not line.startswith("trigger "))
    lost = next((line for line in parts if re.search(r"\b(predictions\b|evidence\b)", line)), None)
    if lost is not None:
        raise MigrationRefused(
            f"{lost}: it was there when the tables were partitioned, and is not now; remedy: put it back by hand"
        )


def _bring_up_to_date(session: Session, state: SchemaState, is_divided: bool) -> list[str]:
    with _backend(session) as backend:
        migrations = read_migrations(str(migrations_directory()))
        applied = [migration for migration in migrations if backend.is_applied(migration)]
        if not state.edited:  # but what is run for the first time, or again, may undo what a later one made of it
            first = min((migration.id for migration in migrations if migration not in applied), default="~")
            applied = [migration for migration in applied if migration.id > first]
        if is_divided:
            applied = [migration for migration in applied if migration.id != ADOPTS_PREDICTIONS]
        backend.unmark_migrations(MigrationList(applied))
        return _apply(backend, migrations)


def _set_bells(conn: Connection, ring: bool) -> bool:
    """Let every workload's table notify of what is inserted, or none; returns whether that is a change."""
    tables = _bells(conn, ring=not ring)
    for table in tables:
        change = sql.SQL("ENABLE" if ring else "DISABLE")
        conn.execute(
            sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(sql.Identifier(table), change, sql.Identifier(BELL))
        )
    return bool(tables)


def _bells(conn: Connection, ring: bool) -> list[str]:
    """The tables whose bell rings when a batch is inserted, or does not."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement("daemon.database", "bells"), {"bell": BELL, "ring": ring}).fetchall()


def _apply(backend: DatabaseBackend, migrations: MigrationList) -> list[str]:
    todo = backend.to_apply(migrations)
    try:
        backend.apply_migrations(todo)
    except psycopg.Error as error:
        if error.diag.message_primary is None or effect_of(error) is Effect.TRANSIENT:
            raise
        hint = error.diag.message_hint
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            hint = "migrate as the owner of that table; catalogd grants then hands over what is catalogd's"
        raise MigrationRefused(error.diag.message_primary + (f"; remedy: {hint}" if hint else "")) from error
    left = [migration.id for migration in backend.to_apply(migrations)]
    if left:  # yoyo passes over a migration that it cannot read
        raise MigrationRefused(f"migrations could not be read: {', '.join(left)}")
    return [migration.id for migration in todo]


def record(conn: Connection) -> None:
    """From now on the schema is right as it stands."""
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


def _without_casts(line: str) -> str:
    """A constraint reads the same before a dump and after its restore: the server writes casts and their parentheses
    elsewhere in what it reads back of its own writing."""
    return re.sub(CASTS, "", line) if line.startswith("constraint ") else line


def _has(conn: Connection, table: str) -> bool:
    row = conn.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    return bool(row and row[0])


@contextmanager
def exclusive(session: Session, wait_s: float) -> Iterator[None]:
    """Alone among those that change the schema. The lock belongs to a transaction, as a pooler may give each
    transaction another session."""
    deadline = monotonic() + wait_s
    with session.connect("migration lock") as conn:
        while True:
            with conn.transaction():
                conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                if _try_lock(conn):
                    # The answer's snapshot stays until the next statement, and CREATE INDEX CONCURRENTLY waits for it.
                    conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                    yield
                    return
            if monotonic() > deadline:
                raise TimeoutError(f"another migration has been running for {wait_s:.0f} seconds")
            Event().wait(POLL_S)


def _try_lock(conn: Connection) -> bool:
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (ADVISORY_LOCK,)).fetchone()
    return bool(row and row[0])


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """Notes neither user nor host: to look them up fails for a user without a name, and waits for a slow DNS. Prepares
    nothing, as behind a pooler the next transaction may run in another session."""

    def connect(self, dburi: DatabaseURI) -> Connection:
        connection: Connection = super().connect(dburi)
        connection.prepare_threshold = None
        return connection

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
    arguments = dict(conninfo_to_dict(session.current_conninfo())) | dict(session.parameters("yoyo"))
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
