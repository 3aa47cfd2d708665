"""An import is made ready phase by phase, and says in its row how far it is and what went wrong."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.engine.preparation import HeldBatch
from daemon.engine.workload import BatchFailed, NotYet, PreparationEnded
from daemon.workloads.price_lists import intake
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.preparation import A_WHILE, MOST_TRIES, Preparation
from daemon.workloads.price_lists.result import read_result
from tests.support.database import Database
from tests.support.events import EventTap
from tests.support.factories import shop
from tests.support.price_lists import hold, lines_of, order, read_import, rows, supplier, write_list
from tests.support.waiting import interleave
from tests.workloads.price_lists.fetching.supplier import Supplier, answer

pytestmark = pytest.mark.one_server  # every server parses the statements in test_statements.py

HEADER = "sku;name;manufacturer;part_number;price"
LOOPBACK = ip_network("127.0.0.0/8")


@pytest.fixture
def preparation(tmp_path: Path) -> Preparation:
    limits = Limits(folders=(tmp_path / "lists",), private_networks=(LOOPBACK,))  # type: ignore[arg-type]
    return Preparation(Shelf(tmp_path / "shelf"), limits)


def prepare(db: psycopg.Connection, database: Database, preparation: Preparation) -> int:
    """Step by step until it is ready; how many steps that took."""
    steps = 1
    while preparation.step(hold(db, database)) is not None:
        steps += 1
        assert steps < 9
    return steps


def refusal(db: psycopg.Connection, database: Database, preparation: Preparation) -> str:
    with pytest.raises(BatchFailed) as failure:
        prepare(db, database, preparation)
    return str(failure.value)


def complete(db: psycopg.Connection, import_id: int) -> None:
    db.execute("UPDATE supplier_imports SET status = 'completed' WHERE id = %s", (import_id,))
    db.execute("DELETE FROM batch_preparations")


def item(db: psycopg.Connection, supplier_id: int, key: str, **columns: Any) -> int:
    names = ["supplier_id", "item_key", "match_status", "match_score", "name", "is_available", *columns]
    row = db.execute(
        f"INSERT INTO supplier_items ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))}) RETURNING id",  # noqa: S608
        (supplier_id, key, "linked", 99, "a thing", True, *columns.values()),
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_local_list_is_fetched_and_read(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    path = write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;Hitwell;HM-1;9,90", ";;;;", "2;;;;abc")
    import_id = order(db, supplier(db), path)
    assert prepare(db, database, preparation) == 2
    found = read_import(db, import_id)
    assert (found["phase"], found["status"], found["line_numbers"]) == ("matching", "pending", [2, 4])
    assert found["detected"]["delimiter"] == ";"
    assert found["detected"]["lines"] == 1
    assert found["file_checksum"] == found["fetched"]["label"]["sha256"]
    (good, bad) = lines_of(db, import_id, "number, sku, name, part_number, price, error")
    assert (good[0], good[1], good[2], good[3], str(good[4])) == (2, "1", "Hammer", "HM-1", "9.9000")
    assert bad[5].keys() == {"code", "reason", "column", "value", "item_key"}


def test_it_tells_how_far_it_is(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = order(db, supplier(db), write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    assert preparation.step(hold(db, database)) == timedelta(0)
    assert read_import(db, import_id)["phase"] == "analyzing"


def test_a_step_that_was_done_may_be_done_again(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = order(db, supplier(db), write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    prepare(db, database, preparation)
    for phase in ("analyzing", "downloading"):
        db.execute("UPDATE supplier_imports SET phase = %s", (phase,))
        prepare(db, database, preparation)
        assert lines_of(db, import_id) == [(2, "Hammer")]


def test_a_file_that_is_gone_from_the_shelf_is_fetched_again(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = order(db, supplier(db), write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    preparation.step(hold(db, database))
    for file in (tmp_path / "shelf").iterdir():
        file.unlink()
    assert prepare(db, database, preparation) == 3
    assert lines_of(db, import_id) == [(2, "Hammer")]


def test_the_same_list_again_is_nothing_to_do(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    path, acme = write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"), supplier(db)
    first = order(db, acme, path)
    prepare(db, database, preparation)
    complete(db, first)
    second = order(db, acme, path)
    prepare(db, database, preparation)
    found = read_import(db, second)
    assert (found["line_numbers"], found["detected"]["unchanged_since_import"]) == ([], first)


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"force": True}},
        {"options": {"currency": "EUR"}},
        {"column_mapping": {"name": "manufacturer"}},
    ],
)
def test_but_not_if_it_is_to_be_read_otherwise(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, change: dict[str, Any]
) -> None:
    path, acme = write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;Hitwell;;1"), supplier(db)
    first = order(db, acme, path)
    prepare(db, database, preparation)
    complete(db, first)
    second = order(db, acme, path, **change)
    prepare(db, database, preparation)
    assert read_import(db, second)["line_numbers"] == [2]


def test_nor_if_it_was_not_imported_to_its_end(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    path, acme = write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;Hitwell;;1"), supplier(db)
    first = order(db, acme, path)
    prepare(db, database, preparation)
    db.execute("UPDATE supplier_imports SET status = 'cancelled' WHERE id = %s", (first,))
    db.execute("DELETE FROM batch_preparations")
    second = order(db, acme, path)
    prepare(db, database, preparation)
    assert read_import(db, second)["line_numbers"] == [2]


@pytest.mark.parametrize("status", ["cancelled", "failed", "pending"])
def test_nor_if_another_list_came_in_between(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, status: str
) -> None:
    """Some of its lines may have been matched, and what it had no longer is gone."""
    path, acme = write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1", "2;Saw;;;2"), supplier(db)
    first = order(db, acme, path)
    prepare(db, database, preparation)
    complete(db, first)
    wrong = order(db, acme, write_list(tmp_path / "lists" / "b.csv", HEADER, "1;Hammer;;;99"))
    prepare(db, database, preparation)
    db.execute("UPDATE supplier_imports SET status = %s WHERE id = %s", (status, wrong))
    db.execute("UPDATE batch_preparations SET is_ready = true")
    third = order(db, acme, path)
    preparation.step(hold(db, database))
    assert read_import(db, third)["phase"] == "analyzing"


def test_nor_if_it_was_another_list_at_the_first_attempt(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    """Its lines were tidied up since; the server has the list of before again."""
    path, acme = write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"), supplier(db)
    first = order(db, acme, path)
    prepare(db, database, preparation)
    complete(db, first)
    second = order(db, acme, write_list(path, HEADER, "1;Hammer;;;99"))
    prepare(db, database, preparation)
    complete(db, second)
    db.execute("DELETE FROM supplier_import_lines")
    write_list(path, HEADER, "1;Hammer;;;1")
    db.execute("UPDATE supplier_imports SET status = 'pending', retry_count = 1 WHERE id = %s", (second,))
    prepare(db, database, preparation)
    assert lines_of(db, second, "price") == [(1,)]
    assert read_import(db, second)["line_numbers"] == [2]


@pytest.mark.parametrize("meta", ["[]", "7", "null"])
def test_a_supplier_may_say_nothing_in_any_way(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, meta: str
) -> None:
    """As PHP's json_encode says it."""
    acme = supplier(db)
    db.execute("UPDATE suppliers SET meta = %s", (meta,))
    import_id = order(db, acme, write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    prepare(db, database, preparation)
    assert lines_of(db, import_id) == [(2, "Hammer")]


def test_a_mapping_of_nothing_leaves_the_suppliers(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    acme = supplier(db, meta={"column_mapping": {"sku": "b", "name": "a"}})
    import_id = order(db, acme, write_list(tmp_path / "lists" / "a.csv", "a;b", "Hammer;1"))
    db.execute("UPDATE supplier_imports SET column_mapping = '[]', options = '[]'")
    prepare(db, database, preparation)
    assert lines_of(db, import_id, "sku, name") == [("1", "Hammer")]


def test_a_server_that_is_busy_is_asked_again_and_then_given_up(
    db: psycopg.Connection, database: Database, preparation: Preparation
) -> None:
    with Supplier(answer(b"", "Retry-After: 7", status=503)) as server:
        order(db, supplier(db), server.url())
        with pytest.raises(NotYet) as wait:
            preparation.step(hold(db, database))
        assert wait.value.delay == timedelta(seconds=7)
        db.execute("UPDATE batch_preparations SET tries = %s", (MOST_TRIES - 1,))
        assert "could not be fetched" in refusal(db, database, preparation)


def test_what_can_only_fail_is_not_asked_again(
    db: psycopg.Connection, database: Database, preparation: Preparation
) -> None:
    with Supplier(answer(b"", status=404)) as server:
        order(db, supplier(db), server.url())
        assert "404" in refusal(db, database, preparation)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"source_type": "fax"}, "source_type is 'fax': it must be one of csv, excel, google_sheets"),
        ({"source_type": None}, "source_type is None"),
        ({"source_type": "pdf"}, "USE_ML_PROCESSING"),
        ({"source_url": "  "}, "source_url is empty"),
        ({"source_url": "file:///etc/passwd"}, "http and https only"),
        ({"source_url": "/etc/passwd"}, "folder"),
        ({"source_url": "http://169.254.169.254/latest"}, "169.254"),
    ],
)
def test_an_order_that_cannot_be_carried_out_says_why(
    db: psycopg.Connection, database: Database, preparation: Preparation, columns: dict[str, Any], says: str
) -> None:
    import_id = order(db, supplier(db), "x")
    for name, value in columns.items():
        db.execute(f"UPDATE supplier_imports SET {name} = %s WHERE id = %s", (value, import_id))  # type: ignore[call-overload] # noqa: S608
    assert says in refusal(db, database, preparation)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (HEADER + "\n", "no lines"),
        ("<!DOCTYPE html><html><body>Sorry</body></html>", "page"),
    ],
)
def test_a_list_that_is_none_says_why(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "lists" / "a.csv"
    path.parent.mkdir()
    path.write_text(text)
    order(db, supplier(db), path)
    assert says in refusal(db, database, preparation)


@pytest.mark.parametrize("junk", ["[1]", '"x"', "7", '{"name": ["a"]}', '{"name": "not there"}', '{"nonsense": "x"}'])
def test_a_mapping_that_cannot_be_says_why(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, junk: str
) -> None:
    import_id = order(db, supplier(db), write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    db.execute("UPDATE supplier_imports SET column_mapping = %s WHERE id = %s", (junk, import_id))
    assert "could not be read" in refusal(db, database, preparation)


def test_a_supplier_that_was_deleted_meanwhile_ends_the_import(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    order(db, supplier(db), write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    preparation.step(hold(db, database))
    db.execute("DELETE FROM suppliers")
    assert "supplier" in refusal(db, database, preparation)


def test_what_a_supplier_says_goes_for_its_lists_unless_the_import_says_otherwise(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    path = write_list(tmp_path / "lists" / "a.csv", "a;b", "1;Hammer")
    meta = {"column_mapping": {"sku": "a", "name": "b"}, "currency": "CZK"}
    acme = supplier(db, source_type="csv", source_url=str(path), meta=meta)
    first = order(db, acme, None, source_type=None)
    prepare(db, database, preparation)
    assert lines_of(db, first, "sku, name") == [("1", "Hammer")]
    complete(db, first)
    second = order(db, acme, None, source_type=None, column_mapping={"sku": "b", "name": "a"})
    prepare(db, database, preparation)
    assert lines_of(db, second, "sku, name") == [("Hammer", "1")]


def test_what_the_list_has_no_longer_is_gone_with_its_offers(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    (product_id,) = shop(db, products=1)
    acme = supplier(db)
    item(db, acme, "sku|1")
    gone = item(db, acme, "sku|9", product_id=product_id, price=5, currency="EUR")
    db.execute("SELECT catalogd_refresh_offers(ARRAY[%s]::bigint[])", (product_id,))
    assert rows(db, "SELECT supplier_item_id FROM product_offers") == [(gone,)]
    order(db, acme, write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    prepare(db, database, preparation)
    assert rows(db, "SELECT item_key, is_available FROM supplier_items WHERE gone_at IS NOT NULL") == [("sku|9", False)]
    assert rows(db, "SELECT * FROM product_offers") == []


@pytest.mark.parametrize(
    ("options", "gone"), [({}, 0), ({"most_gone_percent": 100}, 29), ({"most_gone_percent": "100 %"}, 29)]
)
def test_a_list_that_has_lost_most_of_what_there_was_is_not_believed(
    db: psycopg.Connection,
    database: Database,
    preparation: Preparation,
    tmp_path: Path,
    events: EventTap,
    options: dict[str, Any],
    gone: int,
) -> None:
    acme = supplier(db)
    for number in range(1, 31):
        item(db, acme, f"sku|{number}")
    import_id = order(db, acme, write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"), options=options)
    prepare(db, database, preparation)
    assert rows(db, "SELECT count(*) FROM supplier_items WHERE gone_at IS NOT NULL") == [(gone,)]
    assert ("warnings" in read_import(db, import_id)["detected"]) is (gone == 0)
    assert bool(events.all("list.shrunken")) is (gone == 0)


def test_a_list_without_a_usable_line_takes_nothing_away(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    acme = supplier(db)
    item(db, acme, "sku|9")
    import_id = order(db, acme, write_list(tmp_path / "lists" / "a.csv", HEADER, "1;;;;1"))
    prepare(db, database, preparation)
    assert rows(db, "SELECT count(*) FROM supplier_items WHERE gone_at IS NULL") == [(1,)]
    assert read_import(db, import_id)["line_numbers"] == [2]


def test_an_item_whose_line_cannot_be_used_is_not_gone(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    acme = supplier(db)
    for number in range(1, 11):
        item(db, acme, f"sku|{number}")
    path = write_list(
        tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1", *(f" {number};Saw;;;1.2.3x" for number in range(2, 10))
    )
    import_id = order(db, acme, path)
    prepare(db, database, preparation)
    assert rows(db, "SELECT item_key FROM supplier_items WHERE gone_at IS NOT NULL") == [("sku|10",)]
    assert "warnings" not in read_import(db, import_id)["detected"]


@pytest.mark.parametrize(("known", "gone"), [(3, 0), (4, 3)])
def test_what_may_stand_on_lines_that_cannot_be_read_is_not_gone(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, known: int, gone: int
) -> None:
    acme = supplier(db)
    for number in range(known):
        item(db, acme, f"sku|{number}")
    path = write_list(tmp_path / "lists" / "a.csv", HEADER, "0;Hammer;;;1", ";Saw;;;1.2.3x", ";;;;7")
    import_id = order(db, acme, path)
    prepare(db, database, preparation)
    assert rows(db, "SELECT count(*) FROM supplier_items WHERE gone_at IS NOT NULL") == [(gone,)]
    assert ("warnings" in read_import(db, import_id)["detected"]) is (gone == 0)


def test_a_newer_lists_offers_are_not_taken_away_by_an_older_one(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    acme = supplier(db)
    item(db, acme, "sku|9", last_import_id=9_999)
    order(db, acme, write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    prepare(db, database, preparation)
    assert rows(db, "SELECT count(*) FROM supplier_items WHERE gone_at IS NULL") == [(1,)]


def test_what_a_newer_list_took_away_is_not_brought_back_by_an_older_one(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    """Not by an older import's line, but by any of a newer one's, and of this one's own if it is read again."""
    acme = supplier(db)
    older = order(db, acme, "x")
    item(db, acme, "sku|9", last_import_id=older, last_line=900)
    db.execute("UPDATE supplier_imports SET status = 'completed'")
    newer = order(db, acme, write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1"))
    prepare(db, database, preparation)
    assert rows(db, "SELECT gone_at IS NULL, last_import_id, last_line FROM supplier_items") == [(False, newer, 0)]
    result = read_result(db, newer)
    assert result is not None
    assert result.gone == 1


def two_lists(db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path) -> tuple[int, int]:
    """Of one supplier, both fetched."""
    acme = supplier(db)
    first = order(db, acme, write_list(tmp_path / "lists" / "a.csv", HEADER, "1;Hammer;;;1", "2;Saw;;;2"))
    second = order(db, acme, write_list(tmp_path / "lists" / "b.csv", HEADER, "1;Hammer;;;1"))
    for _ in range(2):
        preparation.step(hold(db, database, "test/fetching"))
        db.execute("UPDATE batch_preparations SET is_ready = true")
    db.execute("UPDATE batch_preparations SET is_ready = false")
    return first, second


def take(db: psycopg.Connection, database: Database, import_id: int) -> HeldBatch:
    """This one, whichever is next."""
    db.execute("UPDATE supplier_imports SET priority = (id = %s)::int", (import_id,))
    return hold(db, database)


def test_lists_of_a_supplier_are_read_in_their_order(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    first, second = two_lists(db, database, preparation, tmp_path)
    assert preparation.step(take(db, database, second)) == A_WHILE  # the first is to be read
    assert preparation.step(take(db, database, first)) is None
    assert preparation.step(take(db, database, second)) == A_WHILE  # to be cut
    db.execute("UPDATE supplier_imports SET status = 'processing' WHERE id = %s", (first,))
    assert preparation.step(take(db, database, second)) == A_WHILE  # to be matched
    assert lines_of(db, second) == []
    complete(db, first)
    assert preparation.step(take(db, database, second)) is None
    assert lines_of(db, second) == [(2, "Hammer")]


@pytest.mark.parametrize(
    "held_up",
    [
        "UPDATE batch_preparations SET tries = 1 WHERE batch_id = %s",
        'UPDATE supplier_imports SET ml_job = \'{"key": "x", "is_fetched": false}\' WHERE id = %s',
        "UPDATE supplier_imports SET status = 'failed' WHERE id = %s",
        "UPDATE supplier_imports SET status = 'cancelled' WHERE id = %s",
        "UPDATE supplier_imports SET supplier_id = NULL WHERE id = %s",
    ],
)
def test_but_none_waits_for_one_that_is_held_up(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, held_up: str
) -> None:
    first, second = two_lists(db, database, preparation, tmp_path)
    db.execute(held_up, (first,))  # type: ignore[call-overload]
    assert preparation.step(take(db, database, second)) is None


def test_one_that_was_held_up_says_nothing_after_a_newer_one(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, events: EventTap
) -> None:
    first, second = two_lists(db, database, preparation, tmp_path)
    db.execute("UPDATE batch_preparations SET tries = 1 WHERE batch_id = %s", (first,))
    assert preparation.step(take(db, database, second)) is None
    assert preparation.step(take(db, database, first)) is None
    found = read_import(db, first)
    assert (found["phase"], found["line_numbers"], found["fetched"]) == ("matching", [], None)
    assert found["detected"] == {"overtaken_by_import": second}
    assert events.wait_for("list.overtaken")["by_import"] == second


def test_nor_does_one_that_is_read_while_a_newer_one_is(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, monkeypatch: Any
) -> None:
    first, second = two_lists(db, database, preparation, tmp_path)
    write_lines = intake.write_lines

    def late(*of_first: Any) -> None:
        monkeypatch.setattr(intake, "write_lines", write_lines)
        write_lines(*of_first)
        db.execute("UPDATE supplier_imports SET phase = 'matching' WHERE id = %s", (second,))

    monkeypatch.setattr(intake, "write_lines", late)
    assert preparation.step(take(db, database, first)) is None
    assert read_import(db, first)["detected"] == {"overtaken_by_import": second}


def test_an_item_that_is_linked_while_it_goes_leaves_no_offer(db: psycopg.Connection, database: Database) -> None:
    (product_id,) = shop(db, products=1)
    acme = supplier(db)
    import_id = order(db, acme, "x")
    gone = item(db, acme, "sku|9", price=5, currency="EUR")
    link = "UPDATE supplier_items SET product_id = %s"
    refresh = "SELECT catalogd_refresh_offers(ARRAY[%s]::bigint[])"
    with database.connect() as php, database.connect() as daemon, database.connect() as third:

        def decide() -> None:
            php.execute("SELECT FROM products FOR NO KEY UPDATE")
            php.execute(link, (product_id,))
            php.execute(refresh, (product_id,))

        def take_away() -> list[tuple[Any, ...]]:
            with daemon.transaction():
                intake.mark_gone(daemon, import_id, [gone])
                return rows(third, "SELECT FROM products FOR NO KEY UPDATE SKIP LOCKED")

        assert interleave(db, php, decide, take_away) == []  # for the product is locked
    assert rows(db, "SELECT gone_at IS NULL, product_id FROM supplier_items") == [(False, product_id)]
    assert rows(db, "SELECT * FROM product_offers") == []


def test_whoever_has_lost_the_import_stops_in_the_middle_of_it(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = order(db, supplier(db), write_list(tmp_path / "lists" / "a.csv", HEADER, *["1;Hammer;;;1"] * 20_000))
    preparation.step(hold(db, database))
    held = hold(db, database)

    class Thief:
        """Takes it away after some thousand lines."""

        calls = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(held, name)

        def transaction(self) -> Any:
            self.calls += 1
            if self.calls == 5:
                db.execute("UPDATE batch_preparations SET claimed_by = 'other/p1'")
            return held.transaction()

    with pytest.raises(PreparationEnded):
        preparation.step(Thief())  # type: ignore[arg-type]
    assert 0 < len(lines_of(db, import_id)) < 20_000
    assert read_import(db, import_id)["phase"] == "analyzing"


def test_a_formula_is_text(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    path = tmp_path / "lists" / "a.csv"
    path.parent.mkdir()
    path.write_text("sku;name;colour\n1;Hammer 🔨 =cmd|' /C calc'!A0;red\n" + "2;x;y\n" * 99)
    import_id = order(db, supplier(db), path)
    prepare(db, database, preparation)
    name, characteristics = lines_of(db, import_id, "name, characteristics")[0]
    assert name == "Hammer 🔨 =cmd|' /C calc'!A0"
    assert characteristics == {"colour": "red"}
