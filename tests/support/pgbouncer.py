"""A PgBouncer in transaction mode between a test and its server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from threading import Event
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daemon.database.embedded import choose_account

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class Pooler:
    """A PgBouncer that hands out a server session for a transaction at a time; `settings` go before our own."""

    def __init__(self, dsn: str, **settings: object) -> None:
        server = conninfo_to_dict(dsn)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.dsn = make_conninfo("", host="127.0.0.1", port=port, dbname="shop", user=str(server["user"]))
        self._directory = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))  # a socket's path must be short
        target = " ".join(f"{key}={server[key]}" for key in ("host", "port", "dbname", "user"))
        options = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": self._directory,
            "auth_type": "any",
            "auth_file": self._directory / "users.txt",
            "pool_mode": "transaction",
            "default_pool_size": 3,
            "logfile": self._directory / "log",
            **settings,
        }
        lines = "\n".join(f"{name} = {value}" for name, value in options.items())
        (self._directory / "users.txt").write_text(f'"{server["user"]}" ""\n', encoding="utf-8")
        (self._directory / "pgbouncer.ini").write_text(
            f"[databases]\nshop = {target}\n[pgbouncer]\n{lines}\n", encoding="utf-8"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    def start(self) -> None:
        assert PGBOUNCER is not None
        command = [*choose_account().prefix, PGBOUNCER, "-q", str(self._directory / "pgbouncer.ini")]
        self._process = subprocess.Popen(command)
        _wait_until_it_accepts(self.dsn)

    def stop(self) -> None:
        """At once, whoever is connected."""
        self._process.terminate()
        self._process.wait(10)


def _wait_until_it_accepts(pooled: str) -> None:
    for _ in range(200):
        try:
            psycopg.connect(pooled, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            last = error
            Event().wait(0.02)
        else:
            return
    raise AssertionError(f"pgbouncer does not accept connections: {last}")
