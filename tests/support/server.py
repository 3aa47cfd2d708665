"""A private server for tests, whose files are in memory where there is room."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from daemon.database.embedded import EmbeddedServer, ServerBinaries

MEMORY = Path("/dev/shm")  # noqa: S108  # a file system of Linux; what is made there gets names of its own
ROOM = 4 * 2**30  # bytes; the suite's servers were seen to take one
SETTINGS = MappingProxyType({"max_wal_size": "256MB"})  # the default may keep a gigabyte


def private_server(binaries: ServerBinaries, settings: Mapping[str, str] = MappingProxyType({})) -> EmbeddedServer:
    """Each test has a database of its own, of 300 files: on a busy disk these cost ten times what they do in memory."""
    return EmbeddedServer(binaries, {**SETTINGS, **settings}, place=memory())


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
