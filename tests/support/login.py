"""A role of the test's own that logs in over TCP with a password, which is kept in a file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.database import Database

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Login:
    """The role, and the file that its process reads."""

    name: str
    dsn: str  # without the password
    file: Path
    _db: Connection

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a process that logs in by the file."""
        return {"DATABASE_URL": self.dsn, "DB_PASSWORD_FILE": str(self.file)}

    def write_file(self, password: str) -> None:
        """As a rotation does it: a new file takes the place of the old one."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{password}\n", encoding="utf-8")
        fresh.rename(self.file)

    def change_password(self, password: str) -> None:
        """What the server asks for from now on; sessions that are open stay."""
        command = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(self.name), sql.Literal(password))
        self._db.execute(command)

    def end_sessions(self) -> None:
        self._db.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (self.name,)
        )


@contextmanager
def password_login(database: Database, directory: Path, password: str) -> Iterator[Login]:
    """A superuser: what it may do is another matter."""
    name = f"login_{next(_numbers)}"
    with database.connect() as db:
        db.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(sql.Identifier(name)))
        where = conninfo_to_dict(database.server.dsn(database.name, tcp=True)) | {"user": name}
        where.pop("password")
        login = Login(name, make_conninfo("", **where), directory / "password", db)
        login.change_password(password)
        login.write_file(password)
        yield login
        login.end_sessions()
        db.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
