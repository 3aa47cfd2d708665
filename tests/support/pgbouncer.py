"""A PgBouncer in transaction mode between a test and its server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daemon.database.embedded import choose_account

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextmanager
def transaction_pooler(dsn: str) -> Iterator[str]:
    """A conninfo for the same database through PgBouncer."""
    assert PGBOUNCER is not None
    server = conninfo_to_dict(dsn)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))  # a socket's path must be short
    target = " ".join(f"{key}={server[key]}" for key in ("host", "port", "dbname", "user"))
    (directory / "users.txt").write_text(f'"{server["user"]}" ""\n', encoding="utf-8")
    (directory / "pgbouncer.ini").write_text(
        f"""[databases]
shop = {target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {directory}
auth_type = any
auth_file = {directory}/users.txt
pool_mode = transaction
default_pool_size = 3
logfile = {directory}/log
""",
        encoding="utf-8",
    )
    account = choose_account()
    with subprocess.Popen([*account.prefix, PGBOUNCER, "-q", str(directory / "pgbouncer.ini")]) as process:
        try:
            pooled = make_conninfo("", host="127.0.0.1", port=port, dbname="shop", user=server["user"])
            _wait_until_it_accepts(pooled)
            yield pooled
        finally:
            process.terminate()
            process.wait(10)
            shutil.rmtree(directory)


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
