"""The five roles of `catalogd grants` in a database of a shop that has a role of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from daemon.stand_in.schema import create_stand_in
from tests.support.database import Database
from tests.support.factories import shop
from tests.support.process import Catalogd
from tests.support.server import PrivateServer

OWNER, RUNTIME, PHP = "catalogd_owner", "catalogd_runtime", "catalogd_php"
OPERATOR, WEB = "catalogd_operator", "catalogd_web"
ROLES = [OWNER, RUNTIME, PHP, OPERATOR, WEB]
SHOP = "shop_admin"  # owns the database and the shop's tables, may make roles; no superuser
SCRIPT = Path(__file__).parents[2] / "docs" / "roles.sql"  # what "catalogd grants" prints


def give_rights(database: Database) -> None:
    """Make the five roles where they are missing, and give each what it needs in this database."""
    with database.connect() as conn:
        conn.execute(SCRIPT.read_bytes())


def runtime_dsn(database: Database, *, tcp: bool = False) -> str:
    """The way to this database for a daemon with the rights of the runtime role, and no others."""
    give_rights(database)
    if not tcp:
        return make_conninfo(database.dsn, user=RUNTIME)
    password = secrets.token_urlsafe(16)
    with database.connect() as conn:
        conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(RUNTIME), sql.Literal(password)))
    return make_conninfo(database.server.dsn(database.name, tcp=True), user=RUNTIME, password=password)


@dataclass(frozen=True, slots=True)
class Shop:
    """A database in which everybody has a role."""

    database: Database

    def dsn(self, role: str) -> str:
        return make_conninfo(self.database.dsn, user=role)

    def connect(self, role: str) -> psycopg.Connection:
        return psycopg.connect(self.dsn(role), autocommit=True)

    def catalogd(self, role: str) -> Catalogd:
        return Catalogd(self.dsn(role))

    def run(self, role: str, *arguments: str) -> str:
        """What the command printed, run as this role; it must succeed."""
        result = self.catalogd(role)(*arguments)
        assert result.returncode == 0, result.stderr + result.stdout
        return result.stdout

    def grant(self, role: str, *arguments: str) -> list[str]:
        """Run the output of `catalogd grants` as this role; returns what the server warned of."""
        script = self.run(role, "grants", *arguments)
        warnings: list[str] = []
        with self.connect(role) as conn:
            conn.add_notice_handler(
                lambda notice: warnings.append(notice.message_primary or "") if notice.severity == "WARNING" else None
            )
            conn.execute(script)
        return warnings


@contextmanager
def shop_of_its_own(server: PrivateServer, *roles: str) -> Iterator[Shop]:
    """An empty database that SHOP owns. Afterwards it is gone, with the five roles, SHOP and the others named.

    The five are new: what other tests have left of them would be a superuser's, and not for SHOP to grant.
    """
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        _drop_roles(conn, ROLES)
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(SHOP)))
        database = Database.create(server)
        conn.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database.name), sql.Identifier(SHOP))
        )
        try:
            yield Shop(database)
        finally:
            database.drop()
            _drop_roles(conn, [*ROLES, *roles, SHOP])


def _drop_roles(conn: psycopg.Connection, roles: Sequence[str]) -> None:
    for role in roles:
        conn.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


@contextmanager
def shop_with_roles(server: PrivateServer) -> Iterator[Shop]:
    """A shop whose tables are its own, migrated by the owner role, with the rights that `catalogd grants` gives.

    It has 60 products, 40 of them with a category.
    """
    with shop_of_its_own(server) as place:
        with place.connect(SHOP) as conn:
            create_stand_in(conn)
            conn.execute("DROP TABLE akeneo_workflow")  # only its owner may add a foreign key to it
            shop(conn, products=60, labelled=40)
        assert place.grant(SHOP) == []
        place.run(OWNER, "migrate")
        assert place.grant(SHOP) == []
        yield place
