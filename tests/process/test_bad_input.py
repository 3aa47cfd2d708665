"""Whatever PHP inserts: a clear error in its place, and nothing else lost."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import psycopg
import pytest

from daemon.database.embedded import find_servers
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, read_batch, shop
from tests.support.process import Catalogd
from tests.support.server import PrivateServer

pytestmark = pytest.mark.one_server  # its subject is the daemon

NOT_AN_ID, UNKNOWN = "not_an_id", "unknown_product"
ZEROS = "0" * 100_000
NINES = "9" * 100_000
NEST = "[" * 10_000 + "]" * 10_000


@dataclass(frozen=True)
class Order:
    """What PHP puts into product_ids (None: SQL NULL), and what becomes of it."""

    product_ids: str | None
    predicted: list[int] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    failure: str | None = None
    columns: dict[str, object] = field(default_factory=dict)


def bad(*values: str) -> list[tuple[str, str]]:
    return [(value, NOT_AN_ID) for value in values]


def unknown(*values: int) -> list[tuple[str, str]]:
    return [(str(value), UNKNOWN) for value in values]


ORDERS = {
    "SQL NULL": Order(None, failure="product_ids is empty: it must be a JSON array of ids."),
    "JSON null": Order("null", failure="product_ids is empty: it must be a JSON array of ids."),
    "an object": Order('{"1": 2}', failure="product_ids is a JSON object: it must be an array of ids."),
    "a string": Order('"[1, 2]"', failure="product_ids is a JSON string: it must be an array of ids."),
    "a number": Order("7", failure="product_ids is a JSON number: it must be an array of ids."),
    "nothing to do": Order("[]"),
    "only nested": Order(
        "[[1], [2, 3]]", errors=bad("[1]", "[2, 3]"), failure="None of the 2 entries of product_ids is an id."
    ),
    "some nested": Order('[[1], {"id": 2}, 3]', [3], bad("[1]", '{"id": 2}')),
    "strings of digits": Order(
        '["007", "8", " 7", "7 ", "7\\n", "٣", "1e3", "+5", "0x1", ""]',
        [7, 8],
        bad('" 7"', '"7 "', '"7\\n"', '"٣"', '"1e3"', '"+5"', '"0x1"', '""'),
    ),
    "nested as deep as the server takes": Order(f"[1, {NEST}]", [1], bad(NEST)),
    "floats": Order("[1.5, 1.0, -0.5, 2]", [2], bad("1.5", "1.0", "-0.5")),
    "negatives": Order('[-1, "-1", -9223372036854775808, 3]', [3], bad("-1", '"-1"', "-9223372036854775808")),
    "texts": Order('["abc", null, true, "\\u001b[2J", 4]', [4], bad('"abc"', "null", "true", '"\\u001b[2J"')),
    "2^63 - 1": Order('[9223372036854775807, "9223372036854775807", 5]', [5], unknown(2**63 - 1)),
    "2^63 and beyond": Order(
        '[9223372036854775808, "9223372036854775808", 18446744073709551617, 1e400, 6]',
        [6],
        bad("9223372036854775808", '"9223372036854775808"', "18446744073709551617", str(10**400)),
    ),
    "one item many times": Order('[7, "7", 7, "007", 8, null, null]', [7, 8], bad("null")),
    "some unknown": Order("[999999, 0, 9]", [9], unknown(999999, 0)),
    "all unknown": Order("[999999, 1000000]", [], unknown(999999, 1000000)),
    "huge strings of digits": Order(
        f'["{ZEROS}", "{ZEROS}7", "{NINES}", 8]', [7, 8], [*unknown(0), *bad(f'"{NINES}"')]
    ),
    "a huge number": Order(f"[{NINES}]", errors=bad(NINES), failure="None of the 1 entries of product_ids is an id."),
    "a wrong total": Order(
        "[1, 2]", [1, 2], columns={"total_products": 999, "processed_products": 5, "error_products": -3}
    ),
    "a huge total": Order("[1]", [1], columns={"total_products": 2**31 - 1, "success_products": 2**31 - 1}),
    "retried too often": Order(
        "[1, 2]",
        failure="The retry limit of 3 is reached; insert a new batch for what is left.",
        columns={"retry_count": 3},
    ),
}

DEEP = 500
PRODUCTS = {
    "every field NULL": {},
    "every field empty": dict.fromkeys(["sku", "name", "manufacturer", "part_number", "description"], ""),
    "signs for NUL": {"name": "pipe \u2400 \u2400", "description": "\u2400"},
    "beyond the basic plane": {"name": "𝕡𝕚𝕡𝕖 🔨 \U0010ffff", "manufacturer": "🏭"},
    "control characters": {"name": "pipe\x1b[2J\x07\r\n\x01", "manufacturer": "\x1b]0;x\x07"},
    "a name of 100 kB": {"name": "copper pipe " * 8_500},
    "a name of 1 MB": {"name": "copper pipe " * 85_000, "manufacturer": "\U0010ffff" * 250_000},
    "huge keys and values": {"attributes": json.dumps({"k" * 500_000: "v" * 500_000, "=cmd": "=1+1"})},
    "a word of 100 kB": {"name": "x" * 100_000, "part_number": "9" * 100_000},
    "attributes that are an array": {"attributes": '["red", 1, null, {"a": "b"}]'},
    "attributes that are a number": {"attributes": "1e400"},
    "attributes that are text": {"attributes": '"red"'},
    "attributes nested deep": {"attributes": '{"a":' * DEEP + "1" + "}" * DEEP},
    "attributes nested in arrays": {"attributes": "[" * DEEP + "1" + "]" * DEEP},
    "many attributes": {"attributes": json.dumps({f"key {i}": f"value {i}" for i in range(5_000)})},
}


def insert_product(db: psycopg.Connection, columns: dict[str, str]) -> int:
    row = db.execute(
        "INSERT INTO products (sku, name, manufacturer, part_number, description, attributes)"
        " VALUES (%(sku)s, %(name)s, %(manufacturer)s, %(part_number)s, %(description)s, %(attributes)s::jsonb)"
        " RETURNING id",
        dict.fromkeys(["sku", "name", "manufacturer", "part_number", "description", "attributes"]) | columns,
    ).fetchone()
    assert row is not None
    product_id: int = row[0]
    return product_id


def errors_of(db: psycopg.Connection, batch_id: int) -> list[tuple[str, str]]:
    """Item as the server writes it and code; Python refuses to read numbers of more than 4300 digits."""
    rows = db.execute("SELECT item::text, code FROM categorization_errors WHERE batch_id = %s", (batch_id,)).fetchall()
    return sorted(rows)


@dataclass
class Treated:
    """A database in which a daemon has treated all the bad input at once."""

    db: psycopg.Connection
    orders: dict[str, int]
    beside: dict[str, int]
    products: dict[str, int]
    product_batch: int
    log: str


@pytest.fixture(scope="module")
def treated(server: PrivateServer, template: str) -> Iterator[Treated]:
    database = Database.create(server, template=template)
    with database.connect() as db:
        shop(db, products=30, labelled=20)
        products = {name: insert_product(db, columns) for name, columns in PRODUCTS.items()}
        product_batch = batch(db, products.values())
        orders, beside = {}, {}
        for name, order in ORDERS.items():
            orders[name] = batch(db, [], **order.columns)
            db.execute(
                "UPDATE categorization_batches SET product_ids = %s::jsonb WHERE id = %s",
                (order.product_ids, orders[name]),
            )
            beside[name] = batch(db, [21, 22], created_by=7)
        catalogd = Catalogd(database.dsn)
        learned = catalogd("learn")
        assert learned.returncode == 0, learned.stderr
        result = catalogd("run", "--once")
        assert result.returncode == 0, result.stdout
        assert result.stderr == ""
        yield Treated(db, orders, beside, products, product_batch, result.stdout)
    database.drop()


@pytest.mark.parametrize("name", ORDERS)
def test_a_bad_order_has_a_clear_end_and_the_one_beside_it_is_treated(treated: Treated, name: str) -> None:
    db, order, batch_id = treated.db, ORDERS[name], treated.orders[name]
    assert_settled(db, treated.beside[name], [21, 22])
    row = read_batch(db, batch_id)
    assert (row["status"], row["error_message"]) == ("failed" if order.failure else "completed", order.failure)
    assert row["completed_at"] is not None
    assert errors_of(db, batch_id) == sorted(order.errors)
    if order.failure is None:
        assert_settled(db, batch_id, order.predicted, errors=len(order.errors))
    else:
        assert row["success_products"] == 0
        assert db.execute("SELECT count(*) FROM predictions WHERE batch_id = %s", (batch_id,)).fetchone() == (0,)


@pytest.mark.parametrize("name", PRODUCTS)
def test_an_odd_product_is_predicted_with_its_evidence(treated: Treated, name: str) -> None:
    row = treated.db.execute(
        "SELECT suggested_category_code, confidence_score BETWEEN 10 AND 100,"
        " (SELECT bool_and(evidence_value !~ '[\\x01-\\x1f]') FROM evidence WHERE prediction_id = p.id)"
        " FROM predictions AS p WHERE batch_id = %s AND product_id = %s",
        (treated.product_batch, treated.products[name]),
    ).fetchone()
    assert row is not None, errors_of(treated.db, treated.product_batch)
    assert row[0] in ("hammers", "pipes")
    assert row[1:] == (True, True)


def test_odd_products_are_no_item_errors(treated: Treated) -> None:
    assert_settled(treated.db, treated.product_batch, list(treated.products.values()))


def test_the_log_of_bad_input_is_json_lines_and_no_alarm(treated: Treated) -> None:
    events = [json.loads(line) for line in treated.log.splitlines()]
    assert {event["level"] for event in events if event["event"] != "batch.failed"} == {"info"}
    assert sum(event["event"] == "batch.failed" for event in events) == sum(bool(o.failure) for o in ORDERS.values())


@pytest.mark.parametrize("attributes", ["[" * 4000 + "]" * 4000, NEST, '{"a":' * 10_000 + "1" + "}" * 10_000])
def test_a_product_too_deep_to_read_is_an_item_error_at_most(
    db: psycopg.Connection, catalogd: Catalogd, attributes: str
) -> None:
    good = shop(db, products=10, labelled=0)
    deep = insert_product(db, {"attributes": attributes})
    batch_id = batch(db, [*good, deep])
    result = catalogd("run", "--once")
    assert result.returncode == 0, result.stdout
    row = read_batch(db, batch_id)
    assert (row["status"], row["total_products"], row["processed_products"]) == ("completed", 11, 11)
    predicted = db.execute("SELECT product_id FROM predictions WHERE product_id <> %s ORDER BY 1", (deep,)).fetchall()
    assert [product_id for (product_id,) in predicted] == good


@pytest.mark.parametrize("attributes", ["[" * 4000 + "]" * 4000, "9" * 5000], ids=["too deep", "too many digits"])
def test_a_product_that_cannot_be_read_does_not_keep_the_others_from_being_learned(
    db: psycopg.Connection, catalogd: Catalogd, attributes: str
) -> None:
    shop(db, products=30, labelled=30)
    odd = insert_product(db, {"attributes": attributes})
    db.execute("UPDATE products SET category_code = 'pipes' WHERE id = %s", (odd,))
    result = catalogd("learn")
    assert result.returncode == 0, result.stderr[-500:]


def test_a_million_unknown_ids_are_item_errors_in_bounded_time(
    server: PrivateServer, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    count = 1_000_000 if server.binaries == find_servers()[0] else 50_000  # once is enough
    good = shop(db, products=10)
    row = db.execute(
        "INSERT INTO categorization_batches (product_ids)"
        " SELECT jsonb_agg(i) FROM generate_series(1000001, 1000000 + %s) AS i RETURNING id",
        (count,),
    ).fetchone()
    assert row is not None
    beside = batch(db, good)
    result = catalogd("run", "--once", timeout_s=240, CATALOGD_LOG_LEVEL="warning")
    assert result.returncode == 0, result.stdout
    found = read_batch(db, row[0])
    assert (found["status"], found["total_products"], found["error_products"]) == ("completed", count, count)
    counted = db.execute(
        "SELECT count(*), count(DISTINCT item::int) FROM categorization_errors"
        " WHERE batch_id = %s AND code = 'unknown_product'",
        (row[0],),
    ).fetchone()
    assert counted == (count, count)
    assert_settled(db, beside, good)
    other = read_batch(db, beside)
    assert other["completed_at"] < found["completed_at"], "a small batch does not wait behind a big one"


def test_the_database_refuses_an_unknown_user_and_an_unknown_status(db: psycopg.Connection) -> None:
    shop(db)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        batch(db, [1], created_by=99)
    with pytest.raises(psycopg.errors.CheckViolation, match="batch_status_known"):
        batch(db, [1], status="nonsense")
    batch_id = batch(db, [1], created_by=7)
    with pytest.raises(psycopg.errors.CheckViolation, match="batch_status_known"):
        db.execute("UPDATE categorization_batches SET status = 'done' WHERE id = %s", (batch_id,))


def test_a_shop_without_categories_gets_item_errors(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=3)
    db.execute("DELETE FROM categories")
    batch_id = batch(db, product_ids)
    assert catalogd("run", "--once").returncode == 0
    assert errors_of(db, batch_id) == [(str(product_id), "no_category") for product_id in product_ids]
    assert_settled(db, batch_id, [], errors=3)
    assert db.execute("SELECT count(*) FROM products WHERE status = 'predicted'").fetchone() == (0,)


def test_before_anything_was_learned_predictions_say_that_they_are_guesses(
    db: psycopg.Connection, catalogd: Catalogd
) -> None:
    product_ids = shop(db, products=3)
    batch_id = batch(db, product_ids)
    assert catalogd("run", "--once").returncode == 0
    assert_settled(db, batch_id, product_ids)
    rows = db.execute(
        "SELECT DISTINCT confidence_score::text, confidence_level, model_version, source_type"
        " FROM predictions JOIN evidence ON prediction_id = predictions.id"
    ).fetchall()
    assert rows == [("10.00", "low", None, "fallback_signal")]


def start_learning(catalogd: Catalogd) -> subprocess.Popen[str]:
    return catalogd.popen("learn", stderr=None)


def test_two_that_learn_at_once_both_succeed(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=60, labelled=40)
    first, second = (start_learning(catalogd) for _ in range(2))
    said = [process.communicate(timeout=50)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert sorted(line.split(" from ")[0] for line in said) == ["learned model 1", "learned model 2"]
    batch_id = batch(db, product_ids[40:])
    assert catalogd("run", "--once").returncode == 0
    assert_settled(db, batch_id, product_ids[40:])
    assert db.execute("SELECT DISTINCT model_version FROM predictions").fetchall() == [(2,)]


@contextmanager
def in_a_transaction(database: Database) -> Iterator[psycopg.Connection]:
    """PHP's session, in the middle of its transaction; committed at the end."""
    with database.connect() as php, php.transaction():
        yield php


def wait_until_a_worker_waits_for(php: psycopg.Connection, db: psycopg.Connection, timeout_s: float = 20.0) -> None:
    pause = Event()
    for _ in range(round(timeout_s / 0.01)):
        waiting = db.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE %s = ANY(pg_blocking_pids(pid)) AND application_name LIKE 'catalogd%%'",
            (php.info.backend_pid,),
        ).fetchall()
        if waiting:
            return
        pause.wait(0.01)
    raise AssertionError("no worker waits")


def test_php_deletes_a_product_that_is_being_treated(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    product_ids = shop(db, products=8)
    process = catalogd.start()
    with in_a_transaction(database) as php:
        php.execute("DELETE FROM products WHERE id = %s", (product_ids[1],))
        batch_id = batch(db, product_ids[:3])
        wait_until_a_worker_waits_for(php, db)
        beside = batch(db, product_ids[4:])
        process.wait_for("batch.completed", batch_id=beside)
    done = process.wait_for("batch.completed", batch_id=batch_id)
    assert (done["success"], done["errors"]) == (2, 1)
    assert errors_of(db, batch_id) == [(str(product_ids[1]), "unknown_product")]
    assert_settled(db, batch_id, [product_ids[0], product_ids[2]], errors=1)
    assert_settled(db, beside, product_ids[4:])
    assert process.stop() == 0


@pytest.mark.parametrize("items", [1, 3])
def test_php_deletes_a_batch_that_is_being_treated(
    database: Database, db: psycopg.Connection, catalogd: Catalogd, items: int
) -> None:
    product_ids = shop(db, products=8)
    process = catalogd.start()
    with in_a_transaction(database) as php:
        php.execute("SELECT FROM products WHERE id = %s FOR UPDATE", (product_ids[0],))
        batch_id = batch(db, product_ids[:items])
        wait_until_a_worker_waits_for(php, db)
        php.execute("DELETE FROM categorization_batches WHERE id = %s", (batch_id,))
    beside = batch(db, product_ids[:items])
    process.wait_for("batch.completed", batch_id=beside)
    assert process.stop() == 0
    assert catalogd("run", "--once").returncode == 0
    assert_settled(db, beside, product_ids[:items])
    for table in ("batch_slices", "predictions", "categorization_errors"):
        left = db.execute(f"SELECT count(*) FROM {table} WHERE batch_id = %s", (batch_id,)).fetchone()  # noqa: S608
        assert left == (0,), table
    assert "thread.crashed" not in {event["event"] for event in process.events}
