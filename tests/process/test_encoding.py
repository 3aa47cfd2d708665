"""Databases of other encodings than UTF-8: the server converts, unless it does not know what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd
from tests.support.server import PrivateServer

pytestmark = pytest.mark.one_server  # its subject is what the commands say

Make = Callable[[str], Database]


@pytest.fixture
def database_of(server: PrivateServer) -> Iterator[Make]:
    """Makes an empty database of an encoding."""
    made: list[Database] = []

    def make(encoding: str) -> Database:
        database = Database(server, f"in_{encoding.lower()}")
        command = sql.SQL("CREATE DATABASE {} ENCODING {} LOCALE 'C' TEMPLATE template0")
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute(command.format(sql.Identifier(database.name), sql.Literal(encoding)))
        made.append(database)
        return database

    yield make
    for database in made:
        database.drop()


@pytest.mark.parametrize(
    "command", ["migrate", "migrate --with-stand-in", "run", "status", "learn", "import", "partition"]
)
def test_a_database_that_knows_no_encoding_is_refused(database_of: Make, tmp_path: Path, command: str) -> None:
    (products := tmp_path / "products.csv").write_text("sku,name\n", encoding="utf-8")
    arguments = [*command.split(), *([str(products)] if command == "import" else [])]
    result = Catalogd(database_of("SQL_ASCII").dsn)(*arguments)
    said = result.stdout + result.stderr
    assert (result.returncode, "database in_sql_ascii has the encoding SQL_ASCII" in said) == (78, True), said
    assert "CREATE DATABASE shop_utf8 ENCODING 'UTF8' TEMPLATE template0" in said


def test_one_that_has_no_signs_for_ours_is_refused(database_of: Make) -> None:
    result = Catalogd(database_of("LATIN1").dsn)("migrate")
    assert (result.returncode, "has the encoding LATIN1, which cannot hold" in result.stderr) == (78, True)


def test_the_doctor_tells_it_too(database_of: Make) -> None:
    result = Catalogd(database_of("SQL_ASCII").dsn)("doctor")
    assert "has the encoding SQL_ASCII, which cannot hold what catalogd writes" in result.stdout
    assert result.returncode == 1


@pytest.mark.parametrize("client", ["SQL_ASCII", "LATIN9", ""])
def test_an_old_shop_s_encoding_is_converted(database_of: Make, client: str) -> None:
    """Whatever the environment says of the client's."""
    database = database_of("WIN1252")
    catalogd = Catalogd(database.dsn, PGCLIENTENCODING=client)
    assert catalogd("migrate", "--with-stand-in").returncode == 0
    with psycopg.connect(database.dsn, autocommit=True) as db:
        product_ids = shop(db, products=200, labelled=160)
        db.execute("UPDATE products SET manufacturer = 'Grün & Söhne'")
        assert "learned model 1" in catalogd("learn").stdout
        batch_id = batch(db, product_ids)
        assert catalogd("run", "--once").returncode == 0
        assert_settled(db, batch_id, product_ids)
    assert "Grün & Söhne" in catalogd("explain", "1").stdout
    examined = catalogd("doctor")
    assert (examined.returncode, "its encoding is WIN1252" in examined.stdout) == (0, True), examined.stdout
