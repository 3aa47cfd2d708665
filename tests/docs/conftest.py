"""A database in which a shop, a model and a batch are as the pages tell of them, and a scene in a copy of it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.on_path import OnPath
from tests.support.process import Catalogd
from tests.support.roles import PHP, give_rights
from tests.support.scene import READER, Scene
from tests.support.server import PrivateServer

MODEL, BATCH, PREDICTION = 3, 42, 1234  # the numbers that the pages use


@pytest.fixture(scope="session")
def furnished(server: PrivateServer, template: str) -> str:
    """The name of a database to be copied: 60 products, 50 with a category; model 3; batch 42 of 11 products, one of
    them unknown; predictions from 1234; user 7; the reader's role, who may do everything."""
    database = Database.create(server, "template_docs", template)
    with database.connect() as db:
        password = psycopg.conninfo.conninfo_to_dict(server.dsn(tcp=True))["password"]
        create = psycopg.sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}")
        db.execute(create.format(psycopg.sql.Identifier(READER), psycopg.sql.Literal(password)))
        shop(db, products=60, labelled=50)
        db.execute(f"ALTER SEQUENCE categorization_models_version_seq RESTART {MODEL}")
        db.execute(f"ALTER SEQUENCE categorization_batches_id_seq RESTART {BATCH}")
        db.execute(f"ALTER SEQUENCE predictions_id_seq RESTART {PREDICTION}")
        assert batch(db, [*range(51, 61), 404], created_by=7) == BATCH
    command = Catalogd(database.dsn)
    for arguments in (("learn",), ("run", "--once")):
        result = command(*arguments)
        assert result.returncode == 0, result.stderr
    return database.name


@pytest.fixture
def database(server: PrivateServer, furnished: str) -> Iterator[Database]:
    """A copy that has the name which the pages use, with the roles of `catalogd grants`.

    Not the template, which stays: other tests of this server make these roles anew.
    """
    copy = Database.create(server, "shop", furnished)
    give_rights(copy)
    with copy.connect() as db:
        db.execute(f"GRANT SELECT ON products, categories, users TO {PHP}")  # the shop's own tables
    yield copy
    left = copy.sessions_left()
    copy.drop()
    assert left == [], "sessions were left open"


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="catalogd-") as place:  # short: a socket's path has about 100 bytes
        home, programs = Path(place, "home"), Path(place, "bin")
        for folder in (home, programs):
            folder.mkdir()
        on_path = OnPath(programs)
        yield Scene(database, home, on_path)
        on_path.close()
