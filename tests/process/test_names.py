"""Name servers that give no answer: who has a connection works on, and a stop is prompt."""

from __future__ import annotations

import signal
import threading
import urllib.request
from contextlib import suppress
from typing import Self

import psycopg
import pytest

from tests.support import slow_names
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.process import Catalogd, Process
from tests.support.roles import runtime_dsn

pytestmark = pytest.mark.one_server  # its subject is what the machine lacks


class Scraper:
    """Asks for figures, from entry on, and is cut off in the end."""

    def __init__(self, process: Process) -> None:
        self._port = process.wait_for("metrics.listening")["port"]
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _ask(self) -> None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=60):
            pass


@pytest.mark.parametrize("waits", ["", "metrics"], ids=["everybody", "metrics"])
def test_a_stop_does_not_wait_for_names(
    db: psycopg.Connection, database: Database, catalogd: Catalogd, waits: str
) -> None:
    """Neither the listener's, which has lost its connection, nor those of who is asked for figures."""
    dsn = runtime_dsn(database, tcp=True).replace("127.0.0.1", "localhost")
    process = catalogd.start(
        program=slow_names.PROGRAM, DATABASE_URL=dsn, CATALOGD_METRICS="127.0.0.1:0", SLOW_NAMES_OF=waits
    )
    process.wait_for("names.away")
    with Scraper(process):
        process.wait_for("names.waiting", thread="metrics")
        if not waits:
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ ' listener$'")
            process.wait_for("names.waiting", thread="listener")
        process.wait_for("batch.completed", batch_id=batch(db, shop(db, products=3)))
        process.signal(signal.SIGTERM)
        assert process.wait(8) == 0
