"""Runs the blocks of one page in order, as its reader would: one shell, one database, one directory."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from daemon.database.embedded import choose_account
from tests.support.database import Database
from tests.support.on_path import OnPath
from tests.support.page import Block, is_as_expected
from tests.support.process import Catalogd
from tests.support.roles import PHP, RUNTIME
from tests.support.waiting import wait_until

PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
OPEN = """
    SELECT FROM categorization_batches WHERE status IN ('pending', 'processing')
    UNION ALL
    SELECT FROM supplier_imports WHERE status IN ('pending', 'processing')
"""
READER = "catalogd"  # who runs the commands; may do everything
PHP_START = "<?php\n$db = new PDO(getenv('SHOP_DSN'));\nextract(json_decode(getenv('KNOWN'), true));\n"


class Scene:
    """Where a page is played. `known` holds what its `:name`s and PHP's `$name`s stand for.

    What a statement returns adds to it by the names of its columns: those of the first row, and once an UPDATE has
    used them, those of the next.
    """

    def __init__(self, database: Database, directory: Path, on_path: OnPath) -> None:
        self.database = database
        self.directory = directory  # the home of the reader, who is in it
        self.on_path = on_path
        self.known: dict[str, Any] = {}
        self._further: dict[str, list[Any]] = {}
        self._state = on_path.directory / "environment"
        self.environment = self._first_environment()  # of the reader's shell, as the last block left it

    def run(self, block: Block) -> None:
        """Run a block; it must end and print as the page says."""
        printed = getattr(self, f"_run_{block.language}")(block)
        if block.expected is not None:
            told = f"{block.place}: this was expected:\n{block.expected}\nand this was printed:\n{printed}"
            assert is_as_expected(block.expected, printed), told
        is_at_work = any(daemon.popen.poll() is None for daemon in self.on_path.daemons)
        if is_at_work and "stays open" not in block.notes:
            self.settle()

    def command(self, *arguments: str) -> None:
        """Run `catalogd` before the page does."""
        result = Catalogd(self.database.dsn)(*arguments)
        assert result.returncode == 0, result.stderr

    def start_daemon(self, **environment: str) -> None:
        """Have a daemon at work before the page begins."""
        shelf = {"CATALOGD_PRICE_LIST_FOLDER": str(self.directory / "shelf")}
        daemon = Catalogd(self.database.dsn, daemon_dsn=make_conninfo(self.database.dsn, user=RUNTIME))
        self.on_path.daemons.append(daemon.start(**shelf | environment))

    def settle(self) -> None:
        """Wait until no batch is open: what a page shows next is what came of it."""
        with self.database.connect() as db:
            wait_until(lambda: db.execute(OPEN).fetchone() is None, 30)

    def _first_environment(self) -> dict[str, str]:
        where = conninfo_to_dict(self.database.server.dsn(self.database.name, tcp=True))
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("DB_", "CATALOGD_", "PG"))
        }
        programs = [
            str(self.on_path.directory),
            str(self.database.server.binaries.bin_dir),
            str(Path(sys.executable).parent),
        ]
        return inherited | {
            "PATH": os.pathsep.join([*programs, inherited.get("PATH", "")]),
            "HOME": str(self.directory),
            "PWD": str(self.directory),
            "COLUMNS": "120",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(where["port"]),
            "PGUSER": READER,
            "PGPASSWORD": str(where["password"]),
            "PGDATABASE": self.database.name,
            "DATABASE_URL": f"postgresql://{READER}@127.0.0.1/{self.database.name}",
            "CATALOGD_PRICE_LIST_FOLDER": str(self.directory / "shelf"),
            "CATALOGD_LEARN": "off",
            "CATALOGD_LOG_FORMAT": "json",
        }

    def _run_sh(self, block: Block) -> str:
        """In a shell that begins as the one of the block before ended. A server refuses root: nobody is that."""
        script = f"trap 'env -0 > {self._state}' EXIT\n{block.text}"
        account = choose_account().prefix
        printed = self._program([*account, "bash", "-eu", "-o", "pipefail", "-c", script], block)
        ended = self._state.read_bytes().decode().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in ended if "=" in pair)
        return printed

    def _run_python(self, block: Block) -> str:
        return self._program([sys.executable, "-"], block, block.text)

    def _run_php(self, block: Block) -> str:
        php = shutil.which("php")
        assert php is not None
        server = self.database.server
        source = f"pgsql:host={server.host};port={server.port};dbname={self.database.name};user=postgres"
        self.environment |= {"SHOP_DSN": source, "KNOWN": json.dumps(self.known, default=str)}
        text = block.text if block.text.startswith("<?php") else PHP_START + block.text
        return self._program([php, "-d", "display_errors=stderr", "-d", "error_reporting=-1"], block, text)

    def _program(self, command: Sequence[str], block: Block, given: str = "") -> str:
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:  # no pipe: a server that it starts would keep it
            result = subprocess.run(
                command,
                input=given,
                cwd=self.environment["PWD"],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
            output.seek(0)
            printed = output.read()
        wanted = int(block.notes.get("exit code", "0"))
        assert result.returncode == wanted, f"{block.place} ended with {result.returncode}:\n{printed}"
        return printed

    def _run_sql(self, block: Block) -> str:
        """In one transaction, as PHP; each statement must return or change something."""
        if (words := block.notes.get("refused")) is None:
            return self._execute(block)
        with pytest.raises(psycopg.Error, match=re.escape(words)) as refusal:
            self._execute(block)
        return str(refusal.value)

    def _execute(self, block: Block) -> str:
        wanted = {name: self.known[name] for name in PARAMETER.findall(block.text)}
        query = PARAMETER.sub(r"%(\1)s", block.text.replace("%", "%%"))
        role = block.notes.get("as", PHP)
        printed = []
        with self.database.connect() as conn, psycopg.ClientCursor(conn, row_factory=dict_row) as cursor:
            conn.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            with conn.transaction():
                cursor.execute(query.encode(), wanted)
                while True:
                    rows = cursor.fetchall() if cursor.description else []
                    printed.append(_table([column.name for column in cursor.description or ()], rows))
                    is_idle = cursor.rowcount == 0 and "may find nothing" not in block.notes
                    assert not is_idle, f"{block.place}: it does nothing: {cursor.statusmessage}"
                    self._learn(rows)
                    if not cursor.nextset():
                        break
        if "UPDATE " in block.text:
            self.known |= {name: self._further[name].pop(0) for name in wanted if self._further.get(name)}
        return "\n".join(printed)

    def _learn(self, rows: Sequence[dict[str, Any]]) -> None:
        for name in rows[0] if rows else ():
            values = [row[name] for row in rows]
            self.known[name], *self._further[name] = [v for at, v in enumerate(values) if v not in values[:at]]


def _table(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """As psql shows it, but for the spaces."""
    lines = [" | ".join(names), *(" | ".join(_shown(value) for value in row.values()) for row in rows)]
    return "\n".join([*lines, f"({len(rows)} row{'s' * (len(rows) != 1)})"])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "ft"[value]
    return "" if value is None else str(value)
