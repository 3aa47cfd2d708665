"""Big batches for real processes, and an eye on their counters."""

from __future__ import annotations

import threading
from typing import Self

import psycopg

from tests.support.database import Database


def progress(db: psycopg.Connection, batch_id: int) -> int:
    row = db.execute("SELECT processed_products FROM categorization_batches WHERE id = %s", (batch_id,)).fetchone()
    assert row is not None
    found: int = row[0]
    return found


class Sampler:
    """Reads a batch's counters and its rows, in one statement at a time, until the block ends."""

    def __init__(self, database: Database, batch_id: int) -> None:
        self._database = database
        self._batch_id = batch_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler")
        self.samples: list[tuple[int, int, int, int, int]] = []  # processed, success, error, predictions, item errors

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._database.connect() as conn:
            while not self._stop.is_set():
                row = conn.execute(
                    "SELECT processed_products, success_products, error_products,"
                    " (SELECT count(*) FROM predictions WHERE batch_id = batch.id),"
                    " (SELECT count(*) FROM categorization_errors WHERE batch_id = batch.id)"
                    " FROM categorization_batches AS batch WHERE id = %s",
                    (self._batch_id,),
                ).fetchone()
                assert row is not None
                self.samples.append(row)
                self._stop.wait(0.02)

    def assert_true(self) -> None:
        """At every committed moment: processed = success + error = rows that exist; and it never shrinks."""
        assert len({sample[0] for sample in self.samples}) > 3, "too quick to have been seen at work"
        for processed, success, error, predictions, errors in self.samples:
            assert processed == success + error
            assert (success, error) == (predictions, errors)
        assert [sample[0] for sample in self.samples] == sorted(sample[0] for sample in self.samples)
