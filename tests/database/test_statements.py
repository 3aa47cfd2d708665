"""Statements are files; identifiers are quoted; values are parameters."""

from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from daemon.database import statements
from daemon.database.statements import statement, text_of
from daemon.workloads.categorization.workload import Categorization
from tests.support.engine import make_queue


def test_identifiers_are_quoted() -> None:
    assert statement("daemon.engine", "listen", channel='a"; DROP').strip() == b'LISTEN "a""; DROP"'


def test_a_missing_identifier_is_an_error() -> None:
    with pytest.raises(KeyError, match="channel"):
        statement("daemon.engine", "listen")


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(KeyError, match="no_such_statement"):
        statement("daemon.engine", "no_such_statement")


@pytest.mark.parametrize("package", ["daemon.engine", "daemon.workloads.categorization"])
def test_a_process_goes_on_with_the_statements_it_began_with(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version may be installed over it while it rests."""
    statements.load.cache_clear()
    make_queue()
    Categorization(threshold=90.0)
    monkeypatch.setattr(statements, "files", lambda _: Path("/nowhere"))
    for file in files(package).joinpath("sql").iterdir():
        assert text_of(package, file.name.removesuffix(".sql"))
    with pytest.raises(FileNotFoundError):
        text_of("daemon.never_loaded", "listen")


def test_a_doubled_brace_stays_a_brace() -> None:
    assert b"[0-9]{1,19}" in make_queue()._statement("plan")


PLANNABLE = sorted({f.name.removesuffix(".sql") for f in files("daemon.engine").joinpath("sql").iterdir()} - {"listen"})


@pytest.mark.parametrize("name", PLANNABLE)
def test_each_statement_of_the_engine_is_one_that_the_server_understands(db: psycopg.Connection, name: str) -> None:
    values = {
        "actor": "x", "allowed": ["x"], "batch_id": 1, "batch_ids": [1], "small": 1, "codes": ["x"], "failures": [1],
        "items": [1], "items_column": "x", "limit": 1, "message": "x", "messages": ["x"], "pids": [1], "retries": 1,
        "retry_limit": 3, "slice_id": 1, "slice_ids": [1], "slice_size": 1, "status": "pending", "successes": [1],
        "after": -1, "put_off": [1], "forgiven": 1, "tiny": 1, "endless": "1s", "worker": "w", "entity": "x",
        "instance": "x", "workload": "x", "names": ["x"], "periods": [timedelta(1)], "version": "x", "name": "x",
        "error": "x", "is_given_back": False, "again_after": timedelta(1),
        "details": [None], "is_prepared": True, "takes_suspects": True, "is_ready": False, "tries": 1,
    } | dict.fromkeys(("bound", "delay", "frozen", "grace", "lease", "longest_delay"), timedelta(0))  # fmt: skip
    db.execute(b"EXPLAIN " + make_queue()._statement(name), values)
