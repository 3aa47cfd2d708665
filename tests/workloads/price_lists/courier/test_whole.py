"""A list that the service reads becomes a supplier's offers, in the real daemon."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support.factories import shop
from tests.support.ml_service import MlService, completed, says, working
from tests.support.price_lists import order, read_import, rows, supplier
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # every server parses the statements in test_statements.py


def test_a_pdf_becomes_offers(db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path) -> None:
    shop(db, products=3)
    with MlService(says(working("downloading", 10), working("analyzing", 250), completed())) as service:
        daemon = catalogd.start(
            ML_ANALYZE_URL=service.url,
            ML_POLL_INTERVAL_SECONDS="0.05",
            CATALOGD_PRICE_LIST_FOLDER=str(tmp_path / "shelf"),
            CATALOGD_PRICE_LIST_SOURCES=str(tmp_path),
        )
        acme = supplier(db, meta={"use_ml_processing": True})
        import_id = order(db, acme, tmp_path / "July.pdf")
        daemon.wait_for("batch.completed", batch_id=import_id)
        assert daemon.stop() == 0
        assert [job.wanted["file_type"] for job in service.jobs] == ["pdf"]
    found = read_import(db, import_id)
    assert (found["status"], found["phase"], found["success_lines"]) == ("completed", "complete", 2)
    assert rows(db, "SELECT sku, name FROM supplier_items ORDER BY sku") == [("D-1", "Drill 500 W"), ("S-2", "Saw")]
    assert daemon.named("analysis.ordered")
