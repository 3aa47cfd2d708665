"""PHP inserts an import; a real daemon fetches, reads and matches it, whatever dies meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.factories import batch, read_batch, shop
from tests.support.price_lists import order, read_import, rows, supplier, write_list
from tests.support.process import Catalogd, Process
from tests.support.waiting import wait_until
from tests.workloads.price_lists.fetching.supplier import Supplier, Visit, answer, head

pytestmark = pytest.mark.one_server  # its subject is the daemon

HEADER = "sku;name;manufacturer;part_number;price"
ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {
        "CATALOGD_PRICE_LIST_FOLDER": str(tmp_path / "shelf"),
        "CATALOGD_PRICE_LIST_SOURCES": str(tmp_path / "lists"),
        "CATALOGD_PRICE_LIST_NETWORKS": "127.0.0.0/8",
        "CATALOGD_FROZEN_SECONDS": "4",
    }


def ended(db: psycopg.Connection, import_id: int) -> dict[str, Any]:
    """The import's row, once it has come to its end."""
    found: dict[str, Any] = {}

    def is_ended() -> bool:
        found.update(read_import(db, import_id))
        assert found["processed_lines"] == found["success_lines"] + found["error_lines"]
        return found["status"] in ENDED

    wait_until(is_ended, timeout_s=40)
    return found


def lines(count: int) -> list[str]:
    """Every product of the shop, with the supplier's own numbers."""
    kinds = (("copper pipe", "Flowright", "PX"), ("steel hammer", "Hitwell", "HM"))
    return [
        f"S{i};{kinds[1 - i % 2][0]} {i};{kinds[1 - i % 2][1]};{kinds[1 - i % 2][2]}{1000 + i};{i},50"
        for i in range(1, count + 1)
    ]


class Slow:
    """Answers, and says nothing more until it is told to."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.asked = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, visit: Visit) -> None:
        visit.send(head(200, f"Content-Length: {len(self.body)}") + self.body[:10])
        self.asked.release()
        self.go_on.wait(40)
        visit.send(self.body[10:])


@contextmanager
def slow_supplier(*text: str) -> Iterator[tuple[Slow, str]]:
    slow = Slow("\n".join(text).encode())
    with Supplier(slow) as server:
        try:
            yield slow, server.url()
        finally:
            slow.go_on.set()


def test_a_list_flows_in(db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path, settings: dict[str, str]) -> None:
    shop(db, products=40)
    acme = supplier(db)
    body = "\n".join([HEADER, *lines(40), "X1;Quartz wristwatch;Tempora;QW-77;9,00", "X2;;;;1", "X3;Pen;;;minus"])
    with Supplier(answer(body.encode(), 'ETag: "v1"')) as server:
        process = catalogd.start(**settings)
        first = order(db, acme, server.url())
        found = ended(db, first)
        assert (found["status"], found["phase"], found["phase_percent"]) == ("completed", "complete", 100)
        assert (found["total_lines"], found["success_lines"]) == (43, 43 - found["error_lines"])
        assert process.wait_for("batch.completed", batch_id=first)["workload"] == "price-lists"
    linked = rows(db, "SELECT count(*) FROM supplier_items WHERE match_status = 'linked'")[0][0]
    assert linked >= 36
    wrong = rows(
        db,
        "SELECT item.sku, product.sku FROM supplier_items AS item"
        " JOIN products AS product ON product.id = item.product_id"
        " WHERE replace(item.sku, 'S', 'SKU-') <> product.sku",
    )
    assert wrong == []
    assert rows(db, "SELECT item, code, details FROM supplier_import_errors ORDER BY id")[0][0] in (43, 44)
    audit = rows(db, "SELECT action FROM audit_log WHERE entity_type = 'supplier_import' ORDER BY id")
    assert audit == [("planned",), ("completed",)]
    assert process.stop() == 0


def test_what_waits_for_a_server_takes_nobody_away(
    db: psycopg.Connection, catalogd: Catalogd, settings: dict[str, str]
) -> None:
    """More slow lists than there are fetchers; batches go on, no transaction is open, a stop is quick."""
    ids = shop(db, products=20, labelled=10)
    assert catalogd("learn").returncode == 0
    with slow_supplier(HEADER, *lines(5)) as (slow, url):
        process = catalogd.start(**settings | {"CATALOGD_PRICE_LIST_FETCHERS": "2"})
        for number in range(4):
            order(db, supplier(db, f"s{number}"), url)
        assert slow.asked.acquire(timeout=20)
        assert slow.asked.acquire(timeout=20)
        batch_id = batch(db, ids)
        wait_until(lambda: read_batch(db, batch_id)["status"] == "completed")
        open_ = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
        )
        wait_until(lambda: rows(db, open_) == [(0,)])
        assert process.stop() == 0
    assert rows(db, "SELECT DISTINCT status, phase FROM supplier_imports") == [("pending", "downloading")]
    assert rows(db, "SELECT count(*) FROM batch_preparations WHERE claimed_by IS NOT NULL") == [(0,)]


def test_a_killed_fetch_is_taken_over(db: psycopg.Connection, catalogd: Catalogd, settings: dict[str, str]) -> None:
    shop(db, products=20)
    with slow_supplier(HEADER, *lines(20)) as (slow, url):
        import_id = order(db, supplier(db), url)
        first = catalogd.start(**settings)
        assert slow.asked.acquire(timeout=20)
        second = catalogd.start(**settings)
        first.signal(signal.SIGKILL)
        assert slow.asked.acquire(timeout=20)
        slow.go_on.set()
        assert ended(db, import_id)["success_lines"] == 20
        assert second.wait_for("batch.prepared", batch_id=import_id)
    assert rows(db, "SELECT count(*), count(DISTINCT line) FROM supplier_import_results") == [(20, 20)]


def test_a_frozen_fetch_writes_nothing_when_it_wakes_up(
    db: psycopg.Connection, catalogd: Catalogd, settings: dict[str, str]
) -> None:
    shop(db, products=20)
    with slow_supplier(HEADER, *lines(20)) as (slow, url):
        import_id = order(db, supplier(db), url)
        first = catalogd.start(**settings)
        assert slow.asked.acquire(timeout=20)
        first.signal(signal.SIGSTOP)
        second = catalogd.start(**settings)
        assert slow.asked.acquire(timeout=20)
        slow.go_on.set()
        assert ended(db, import_id)["status"] == "completed"
        before = read_import(db, import_id)
        first.signal(signal.SIGCONT)
        first.wait_for("preparation.ended", batch_id=import_id)
        assert read_import(db, import_id) == before
        assert second.stop() == 0


def cancelled(db: psycopg.Connection, import_id: int) -> None:
    db.execute("UPDATE supplier_imports SET status = 'cancelled' WHERE id = %s", (import_id,))


def retried(db: psycopg.Connection, import_id: int) -> None:
    db.execute(
        "UPDATE supplier_imports SET status = 'pending', retry_count = retry_count + 1 WHERE id = %s", (import_id,)
    )


def test_a_cancelled_import_leaves_its_server_alone(
    db: psycopg.Connection, catalogd: Catalogd, settings: dict[str, str]
) -> None:
    with slow_supplier(HEADER, *lines(5)) as (slow, url):
        process = catalogd.start(**settings)
        import_id = order(db, supplier(db), url)
        assert slow.asked.acquire(timeout=20)
        cancelled(db, import_id)
        assert "cancelled" in process.wait_for("preparation.ended", batch_id=import_id)["reason"]
    assert read_import(db, import_id)["status"] == "cancelled"
    wait_until(lambda: rows(db, "SELECT count(*) FROM batch_preparations") == [(0,)])


def test_a_retry_goes_on_where_it_failed(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path, settings: dict[str, str]
) -> None:
    path = write_list(tmp_path / "lists" / "a.csv", "a;b", "1;Hammer")
    process = catalogd.start(**settings)
    import_id = order(db, supplier(db), path)
    found = ended(db, import_id)
    assert (found["status"], found["phase"], found["failed_phase"]) == ("failed", "failed", "analyzing")
    assert found["error_message"].startswith("The list could not be read")
    path.unlink()  # it is on the shelf
    db.execute('UPDATE supplier_imports SET column_mapping = \'{"sku": "a", "name": "b"}\'')
    retried(db, import_id)
    wait_until(lambda: read_import(db, import_id)["status"] == "completed")
    assert len(process.named("list.fetched")) == 1
    assert rows(db, "SELECT item_key FROM supplier_items") == [("sku|1",)]


def test_the_same_list_twice_changes_nothing(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path, settings: dict[str, str]
) -> None:
    shop(db, products=20)
    path = write_list(tmp_path / "lists" / "a.csv", HEADER, *lines(20))
    process = catalogd.start(**settings)
    acme = supplier(db)
    ended(db, order(db, acme, path))
    columns = "item_key, product_id, match_status, match_score, price, last_seen_at, draft_id"
    state = rows(db, f"SELECT {columns} FROM supplier_items ORDER BY id")  # noqa: S608
    again = ended(db, order(db, acme, path))
    assert (again["status"], again["total_lines"]) == ("completed", 0)
    process.wait_for("list.unchanged")
    assert rows(db, f"SELECT {columns} FROM supplier_items ORDER BY id") == state  # noqa: S608
    forced = ended(db, order(db, acme, path, options={"force": True}))
    assert forced["success_lines"] == 20
    assert rows(db, "SELECT count(*) FROM supplier_item_prices") == [(20,)]


def test_a_killed_reading_is_done_again_and_every_line_is_there_once(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path, settings: dict[str, str]
) -> None:
    path = write_list(tmp_path / "lists" / "a.csv", HEADER, *[f"S{i};Thing number {i};;;1" for i in range(60_000)])
    import_id = order(db, supplier(db), path)
    first = catalogd.start(**settings)
    wait_until(lambda: rows(db, "SELECT count(*) > 0 FROM supplier_import_lines") == [(True,)])
    first.signal(signal.SIGKILL)
    second = catalogd.start(**settings | {"CATALOGD_WORKLOADS": "price-lists"})
    second.wait_for("batch.prepared", batch_id=import_id)
    assert rows(db, "SELECT count(*), count(DISTINCT number) FROM supplier_import_lines") == [(60_000, 60_000)]
    cancelled(db, import_id)
    assert second.stop() == 0


def test_an_instance_may_do_some_kinds_of_work_only(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path, settings: dict[str, str]
) -> None:
    path = write_list(tmp_path / "lists" / "a.csv", HEADER, *lines(1))
    import_id = order(db, supplier(db), path)
    process: Process = catalogd.start("--once", ready=False, **settings | {"CATALOGD_WORKLOADS": "categorization"})
    assert process.wait() == 0
    assert read_import(db, import_id)["status"] == "pending"
    refused = catalogd("run", CATALOGD_WORKLOADS="categorization,brewing")
    assert refused.returncode == 78
    assert "brewing" in refused.stderr
