"""Reads what is learned from: quickly out of the database, then at leisure."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TextIO

from psycopg import Connection
from psycopg.types.json import set_json_loads

from daemon.database.statements import statement
from daemon.errors import DaemonError
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.store import read_json

FETCHED = 2000  # rows at once
ATTRIBUTES, CODE = 6, 7  # places in a row, whose columns are a Product's


@contextmanager
def labelled_products(conn: Connection) -> Iterator[Iterator[tuple[Product, str]]]:
    """Every product with the category that people have decided on, in id order; all read, no transaction open.

    While one is open nothing can be cleared away that the queue has left behind, and the server ends it when we are
    silent for long. Both matter to who learns slowly, when the processor is wanted by others. So a temporary file is
    between. Raises DaemonError when that cannot be written.
    """
    try:
        with TemporaryFile("w+", encoding="utf-8") as file:
            _fetch(conn, file)
            file.seek(0)
            yield _read(file)
    except OSError as error:
        raise DaemonError(f"what is learned from cannot be kept in a temporary file: {error}") from error


def _fetch(conn: Connection, file: TextIO) -> None:
    with conn.transaction(), conn.cursor("labelled") as cursor:
        set_json_loads(_leave, cursor)
        cursor.itersize = FETCHED
        cursor.execute(statement("daemon.workloads.categorization", "read_labelled"))
        for row in cursor:
            file.write(json.dumps(row))
            file.write("\n")


def _leave(text: str | bytes) -> str:
    """JSON as it stands: it is read when it is wanted."""
    return text if isinstance(text, str) else str(text, "utf-8")


def _read(file: TextIO) -> Iterator[tuple[Product, str]]:
    for line in file:
        row = json.loads(line)
        if row[CODE] is not None:
            if row[ATTRIBUTES] is not None:
                row[ATTRIBUTES] = read_json(row[ATTRIBUTES])
            yield Product(*row), row[CODE]
