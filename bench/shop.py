"""A shop on a private, durable server, and the real commands on it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import psycopg

SERVER = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}


class Shop:
    """A database of the private server, and the real commands on it."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DB_", "CATALOGD_", "PG"))}
        self.environment |= {"DATABASE_URL": dsn, "CATALOGD_LOG_FORMAT": "json"}
        self.db = psycopg.connect(dsn, autocommit=True)

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            self.command(*arguments), env=self.environment, check=True, text=True, stdout=subprocess.PIPE
        ).stdout.strip()

    @contextmanager
    def daemon(self) -> Iterator[int]:
        """A running daemon's pid."""
        with subprocess.Popen(self.command("run"), env=self.environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "listener.connected" in line:
                    break
            reader = threading.Thread(target=process.stdout.read)
            reader.start()
            try:
                yield process.pid
            finally:
                process.terminate()
                process.wait(30)
                reader.join()

    def insert(self, query: str) -> int:
        """A batch of the ids that the query selects."""
        row = self.db.execute(
            "INSERT INTO categorization_batches (product_ids)"
            f" SELECT jsonb_agg(id) FROM ({query}) AS chosen RETURNING id"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def wait_until(self, batch_id: int, condition: str) -> None:
        """Until this SQL condition holds for the batch's row."""
        query = f"SELECT {condition} FROM categorization_batches WHERE id = %s"
        while self.db.execute(query, (batch_id,)).fetchone() != (True,):
            threading.Event().wait(0.01)

    def wait_until_completed(self, batch_id: int, timeout_s: float = 300.0) -> None:
        deadline = monotonic() + timeout_s
        while monotonic() < deadline:
            row = self.db.execute(
                "SELECT status, error_message FROM categorization_batches WHERE id = %s", (batch_id,)
            ).fetchone()
            if row == ("completed", None):
                return
            assert row is not None
            assert row[0] in ("pending", "processing"), row
            threading.Event().wait(0.01)
        raise TimeoutError(f"batch {batch_id} did not complete in {timeout_s} s")

    def duration_s(self, batch_id: int) -> float:
        """From the batch's insert to its completion, by the database's clock."""
        row = self.db.execute(
            "SELECT extract(epoch FROM completed_at - created_at)::float8 FROM categorization_batches WHERE id = %s",
            (batch_id,),
        ).fetchone()
        assert row is not None
        return float(row[0])

    def commit_probe(self) -> float:
        """One-row commits per second on one connection: what this machine's disk is worth just now."""
        self.db.execute("CREATE TABLE IF NOT EXISTS probe (n int)")
        began, commits = monotonic(), 0
        while monotonic() - began < 0.4:
            self.db.execute("INSERT INTO probe VALUES (1)")
            commits += 1
        return commits / (monotonic() - began)

    def grow(self, products: int) -> None:
        """Repeat the catalogue under other SKUs until it has this many products. May be done again."""
        self.db.execute(
            """
            INSERT INTO products (sku, name, manufacturer, part_number, description, attributes)
            SELECT p.sku || '-' || (SELECT count(*) FROM products) + copy,
                   p.name, p.manufacturer, p.part_number, p.description, p.attributes
            FROM generate_series(1, 1 + %(wanted)s / (SELECT count(*) FROM products)) AS copy
            CROSS JOIN (SELECT * FROM products ORDER BY id) AS p
            LIMIT greatest(0, %(wanted)s - (SELECT count(*) FROM products))
            """,
            {"wanted": products},
        )
        self.db.execute("VACUUM ANALYZE products")

    @staticmethod
    def command(*arguments: str, program: str = "daemon") -> list[str]:
        return [sys.executable, "-m", program, *arguments]


def say(sentence: str) -> None:
    print(sentence, flush=True)
