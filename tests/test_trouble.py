"""What goes wrong with the database is one sentence with a remedy; what nobody expects is not."""

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from daemon.commands.trouble import explain_trouble


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PoolTimeout("no connection in time"), "no connection in time"),
        (
            psycopg.errors.InsufficientPrivilege("denied"),
            "this role may not do that (denied); after a migration, run what catalogd grants prints",
        ),
        (psycopg.errors.UndefinedTable("no x"), "the schema is not the one expected (no x); run: catalogd migrate"),
        (psycopg.errors.LockNotAvailable("locked"), "the database is busy: locked; try again"),
        (psycopg.errors.DivisionByZero("division by zero"), "the database refused: division by zero"),
        (
            psycopg.OperationalError("nobody there\nat all"),
            "the database cannot be reached: nobody there; check DATABASE_URL or DB_HOST, DB_PORT, DB_NAME",
        ),
        (
            psycopg.OperationalError("FATAL: remaining connection slots are reserved for roles with SUPERUSER"),
            "the database cannot be reached: FATAL: remaining connection slots are reserved for roles with SUPERUSER;"
            " check max_connections of the server, and who holds its connections",
        ),
        (ZeroDivisionError(), None),
    ],
)
def test_trouble_is_one_sentence(error: Exception, sentence: str | None) -> None:
    assert explain_trouble(error) == sentence
