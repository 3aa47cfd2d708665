"""Every server understands each statement of the packages whose own tests run on the first one only."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import ExecStatus
from psycopg.types import TypesRegistry

from daemon.database.statements import load, statement, text_of
from daemon.workloads.categorization.kind import TABLE

CATEGORIZATION = "daemon.workloads.categorization"
PACKAGES = [
    "daemon.batches",
    "daemon.commands",
    "daemon.doctor",
    "daemon.terminal",
    "daemon.web",
    "daemon.stand_in",
    CATEGORIZATION,
    *(f"{CATEGORIZATION}.{name}" for name in ("drift", "experiments", "pages", "people", "rules", "versions")),
    *(f"daemon.workloads.price_lists.{name}" for name in ("courier", "suppliers")),
]
SCRIPTS = {"grants", "schema"}  # of many statements; run on every server by tests of the migrations, and of roles

types: TypesRegistry = psycopg.adapters.types
TYPES = {"duration": types["interval"].oid}  # where the server could guess another; else as psycopg does: unknown


def prepare(conn: psycopg.Connection, query: bytes) -> str:
    """Have the server parse a statement; its refusal, if it refuses."""
    names: list[str] = []

    def number(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        if name not in names:
            names.append(name)
        return b"$%d" % (names.index(name) + 1)

    numbered = re.sub(rb"%\((\w+)\)s", number, query).replace(b"%%", b"%")
    result = conn.pgconn.prepare(b"", numbered, [TYPES.get(name, 0) for name in names])
    return "" if result.status == ExecStatus.COMMAND_OK else result.error_message.decode()


def queries(package: str) -> Iterator[tuple[str, bytes]]:
    """Each statement by its name, complete: those for any kind of work are for this one."""
    names = {
        "batches": TABLE.name,
        "errors": TABLE.errors,
        "reference": TABLE.reference,
        "log": "audit_log",
        **{counter: f"{counter}_{TABLE.counted}" for counter in ("total", "processed", "success", "error")},
    }
    words = {word: sql.Identifier(name) for word, name in names.items()}
    labelled = sql.SQL(text_of(CATEGORIZATION, "read_labelled"))
    for name, text in load(package).items():
        if name not in SCRIPTS:
            yield name, sql.SQL(text).format(labelled=labelled, **words).as_bytes()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_statement_is_one_that_the_server_understands(db: psycopg.Connection, package: str) -> None:
    if package == "daemon.stand_in":  # the others read what this one makes for the time of a transaction
        db.execute(statement(package, "create_incoming").replace(b"ON COMMIT DROP", b""))
    refused = {name: refusal for name, query in queries(package) if (refusal := prepare(db, query))}
    assert refused == {}


def test_a_statement_that_the_server_does_not_know_is_refused(db: psycopg.Connection) -> None:
    assert "syntax error" in prepare(db, b"SELECT FROM WHERE")
    assert "no_such_function" in prepare(db, b"SELECT no_such_function(%(a)s::int)")
    assert prepare(db, b"SELECT %(a)s::int %% %(b)s::int + %(a)s") == ""
