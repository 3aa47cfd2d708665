"""What is learned from, as it comes out of the temporary file."""

from __future__ import annotations

import tempfile

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from daemon.errors import DaemonError
from daemon.workloads.categorization.store import read_labelled
from daemon.workloads.categorization.versions.reading import labelled_products
from tests.support.factories import shop

pytestmark = pytest.mark.one_server  # its subject is learning

AWKWARD = [
    "name = E'line\\n tab\\t \"quote\" \\\\ back \\u2028 \\U0001F600'",
    "attributes = '[1, 2.5, null, \"x\"]'",
    "attributes = 'null'",
    "attributes = NULL, name = NULL, sku = NULL",
    "attributes = ('{\"n\": ' || repeat('9', 6000) || '}')::jsonb",
    "attributes = (repeat('[', 3000) || repeat(']', 3000))::jsonb",
    "description = repeat('x', 100000)",
]


def test_it_is_what_the_database_has(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=20, labelled=15)
    for product_id, change in zip(product_ids, AWKWARD, strict=False):
        db.execute(f"UPDATE products SET {change} WHERE id = {product_id}")  # type: ignore[call-overload]  # noqa: S608
    with labelled_products(db) as labelled:
        assert db.info.transaction_status is TransactionStatus.IDLE
        found = list(labelled)
    assert len(found) == 15
    assert found == list(read_labelled(db))


def test_a_file_that_cannot_be_written_is_one_sentence(db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(DaemonError, match="temporary file"), labelled_products(db):
        pytest.fail("nothing was written")
