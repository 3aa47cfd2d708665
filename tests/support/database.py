"""A database per test, copied from a migrated template in tens of milliseconds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from threading import Event
from time import monotonic

import psycopg

from daemon.database.pool import Session
from daemon.database.schema import migrate
from daemon.stand_in.schema import create_stand_in
from tests.support.server import PrivateServer

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a test server."""

    server: PrivateServer
    name: str

    @classmethod
    def create(cls, server: PrivateServer, name: str | None = None, template: str = "template1") -> Database:
        name = name or f"test_{next(_numbers)}"
        server.create_database(name, template)
        return cls(server, name)

    @property
    def dsn(self) -> str:
        return self.server.dsn(self.name)

    @property
    def session(self) -> Session:
        return Session(self.dsn, "catalogd test")

    def connect(self, **parameters: str) -> psycopg.Connection:
        """As libpq's words say; the superuser without a name otherwise."""
        return psycopg.connect(self.dsn, autocommit=True, **parameters)  # type: ignore[arg-type]

    def migrated(self) -> Database:
        """Give it a stand-in shop and catalogd's own tables."""
        with self.connect() as conn:
            create_stand_in(conn)
        migrate(self.session)
        return self

    def as_template(self) -> str:
        return self.name

    def sessions_left(self, patience_s: float = 5.0) -> list[tuple[int, str, str]]:
        """Sessions that do not end by themselves: a backend takes a moment to notice that its client has gone."""
        deadline = monotonic() + patience_s
        while (left := self.sessions()) and monotonic() < deadline:
            Event().wait(0.02)
        return left

    def sessions(self) -> list[tuple[int, str, str]]:
        """Sessions of clients that are still connected: pid, application and last statement."""
        return self.server.sessions(self.name)

    def drop(self) -> None:
        self.server.drop_database(self.name)
