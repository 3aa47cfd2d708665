"""Runs `catalogd partition`, and looks at the partitions."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from typing import Any

import psycopg

from daemon.workloads.categorization.partitioning.partition import read_partitions
from tests.support.factories import batch
from tests.support.process import Catalogd

ROWS = "1000"  # ids of a partition
CHECKS = "SELECT count(*) FROM pg_constraint WHERE conname = 'catalogd_bound'"
LEFT_OVER = f"{CHECKS} OR conparentid = 0 AND NOT convalidated"  # what no run that ended leaves behind
YEAR = "365"


def partition(catalogd: Catalogd, **environment: str) -> list[dict[str, Any]]:
    """Run the command to its end; the events it told."""
    result = catalogd("partition", **{"CATALOGD_PARTITION_ROWS": ROWS} | environment)
    assert result.returncode == 0, result.stderr + result.stdout
    return [json.loads(line) for line in result.stdout.splitlines()]


def start_partition(catalogd: Catalogd, **environment: str) -> subprocess.Popen[str]:
    return catalogd.popen("partition", stderr=subprocess.STDOUT, CATALOGD_PARTITION_ROWS=ROWS, **environment)


def told(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def predict(catalogd: Catalogd, db: psycopg.Connection, product_ids: Iterable[int], times: int = 1) -> list[int]:
    """Real decisions on these products, a batch each time; the batches' ids."""
    batch_ids = [batch(db, product_ids) for _ in range(times)]
    result = catalogd("run", "--once")
    assert result.returncode == 0, result.stdout
    return batch_ids


def bounds(db: psycopg.Connection) -> list[tuple[int | None, int | None]]:
    return [(p.lower, p.upper) for p in read_partitions(db)]


def counts(db: psycopg.Connection) -> list[tuple[int, int]]:
    """Rows of each pair of partitions."""
    found = []
    for pair in read_partitions(db):
        row = db.execute(f"SELECT (SELECT count(*) FROM {pair.tables[0]}), (SELECT count(*) FROM {pair.tables[1]})")  # noqa: S608
        found.append(row.fetchone())
    return found  # type: ignore[return-value]


def value(db: psycopg.Connection, query: str, *parameters: object) -> Any:
    row = db.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]
