"""A private server for tests, whose files are in memory where there is room."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString

import psycopg
from psycopg import Connection, sql

from daemon.database.embedded import EmbeddedServer, ServerBinaries

MEMORY = Path("/dev/shm")  # noqa: S108  # a file system of Linux; what is made there gets names of its own
ROOM = 4 * 2**30  # bytes; the suite's servers were seen to take one
SETTINGS = MappingProxyType({"max_wal_size": "256MB"})  # the default may keep a gigabyte


class PrivateServer(EmbeddedServer):
    """One session of it makes and drops all databases: a session of its own for each costs as much as the making."""

    _administrator: Connection | None = None

    def create_database(self, name: str, template: str) -> None:
        # Files are copied more quickly than they are written to the log.
        self._administer("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)

    def drop_database(self, name: str) -> None:
        self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def sessions(self, database: str) -> list[tuple[int, str, str]]:
        """Sessions of clients that are still connected: pid, application and last statement."""
        return (
            self._connected()
            .execute(
                "SELECT pid, application_name, query FROM pg_stat_activity"
                " WHERE datname = %s AND backend_type = 'client backend'",
                (database,),
            )
            .fetchall()
        )

    def stop(self, immediate: bool = False) -> None:
        self._leave()
        super().stop(immediate)

    def restart(self, immediate: bool = False) -> None:
        self._leave()
        super().restart(immediate)

    def _administer(self, command: LiteralString, *names: str) -> None:
        self._connected().execute(sql.SQL(command).format(*map(sql.Identifier, names)))

    def _connected(self) -> Connection:
        if self._administrator is not None:
            with suppress(psycopg.OperationalError):  # a test may have ended it, or the server
                self._administrator.execute("")
                return self._administrator
        self._administrator = psycopg.connect(self.dsn(), autocommit=True)
        return self._administrator

    def _leave(self) -> None:
        if self._administrator is not None:
            self._administrator.close()


def private_server(binaries: ServerBinaries, settings: Mapping[str, str] = MappingProxyType({})) -> PrivateServer:
    """Each test has a database of its own, of 300 files: on a busy disk these cost ten times what they do in memory."""
    return PrivateServer(binaries, {**SETTINGS, **settings}, place=memory())


def memory() -> Path | None:
    """Where files are kept in memory, if there is room, and programs may be run from there as from a disk."""
    try:
        system = os.statvfs(MEMORY)
    except OSError:
        return None
    has_room = system.f_bavail * system.f_frsize >= ROOM and available() >= 2 * ROOM
    is_usable = os.access(MEMORY, os.W_OK | os.X_OK) and not system.f_flag & os.ST_NOEXEC
    return MEMORY if has_room and is_usable else None


def available() -> int:
    """Bytes of memory that may be taken without pushing out what is in use; 0 where nobody tells."""
    try:
        told = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("MemAvailable:")), 0)
