"""A streaming standby of a test's server."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from daemon.database.embedded import choose_account
from tests.support.server import PrivateServer


class Standby(PrivateServer):
    """Serves a copy of the primary's data, read-only until it is promoted."""

    def _change_password(self) -> None:
        """It has the primary's."""

    def promote(self) -> None:
        """Return when it takes writes."""
        with psycopg.connect(self.dsn(), autocommit=True) as conn:
            assert conn.execute("SELECT pg_promote(true, 60)").fetchone() == (True,)


@contextmanager
def standby_of(primary: PrivateServer) -> Iterator[Standby]:
    """A standby that streams from the primary. It outlives the primary."""
    with (primary.directory / "pg_hba.conf").open("a", encoding="ascii") as access:
        access.write("local replication all trust\n")
    with psycopg.connect(primary.dsn(), autocommit=True) as admin:
        admin.execute("SELECT pg_reload_conf()")
    with tempfile.TemporaryDirectory(prefix="standby-", dir="/tmp") as directory:
        data = Path(directory) / "data"
        command = [
            *choose_account().prefix,
            primary.binaries.program("pg_basebackup"),
            f"--dbname={make_conninfo(primary.dsn(), dbname=None)}",
            f"--pgdata={data}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ]
        subprocess.run(command, check=True)
        with Standby(primary.binaries, data_directory=data) as running:
            yield running
