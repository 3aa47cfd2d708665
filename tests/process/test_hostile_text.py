"""Whatever PHP and the shop's data hold: one outcome for each item, and nothing but text on a terminal."""

import json
import random
import re
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.engine.backoff import Backoff
from daemon.engine.queue import Queue
from daemon.engine.slice import SliceRunner
from daemon.workloads.categorization import store
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.explanation import LONGEST, explain
from daemon.workloads.categorization.people.decisions import signals
from daemon.workloads.categorization.versions.lesson import learn_from_shop
from daemon.workloads.categorization.workload import TABLE, Categorization
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, errors_of, read_batch, shop
from tests.support.server import PrivateServer

LARGEST_ID = 2**63 - 1
UNKNOWN = 999_999_999

few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture(scope="module")
def learned(server: PrivateServer, template: str) -> Iterator[psycopg.Connection]:
    """A shop with a model, whose categories have hostile labels too."""
    database = Database.create(server, template=template)
    with database.connect() as conn:
        shop(conn, products=60, labelled=40)
        conn.execute(
            r"UPDATE categories SET label = E'Pipes\x1b[2J\u202e\n' || repeat('x', 100000) WHERE code = 'pipes'"
        )
        learn_from_shop(conn)
        yield conn
    database.drop()


def treat_everything(conn: psycopg.Connection) -> None:
    """As a worker does, until nothing is left."""
    queue = Queue("categorization", TABLE, "test")
    runner = SliceRunner(queue, Categorization(90.0), Backoff(random.Random(1)), threading.Event())
    while queue.plan(conn):
        while claim := queue.claim(conn, "w"):
            runner.treat(conn, claim)


TEXTS = st.builds(
    lambda known, odd, place: known[:place] + odd + known[place:],
    st.sampled_from(["", "steel hammer ", "copper pipe 7", "Hitwell", "PX1007"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(
        [
            "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\r\n",
            "=cmd|' /C calc'!A0",
            "'; DROP TABLE products; --",
            "%s %(id)s {batches} \\0 \\u0000",
            "x" * 400,
            "\U0010ffff " * 200,
            "\u0300" * 400,
        ]
    ),
    st.integers(0, 8),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**50), 10**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
RAW_JSON = JSON.map(json.dumps) | st.sampled_from(
    [
        "1e400",
        "-1e-400",
        '{"a": 1, "a": 2}',
    ]
)
FIELDS = ["sku", "name", "manufacturer", "part_number", "description"]
PRODUCTS = st.fixed_dictionaries({field: st.none() | TEXTS for field in FIELDS} | {"attributes": st.none() | RAW_JSON})


@pytest.mark.one_server
@few
@given(st.lists(PRODUCTS, min_size=1, max_size=3, unique_by=lambda product: product["sku"]))
def test_any_product_has_one_outcome_and_is_explained_harmlessly(
    learned: psycopg.Connection, products: list[dict[str, str | None]]
) -> None:
    learned.execute("DELETE FROM products WHERE id > 60")
    ids = [insert_product(learned, product) for product in products]
    batch_id = batch(learned, [*ids, 41, UNKNOWN])
    treat_everything(learned)
    assert_settled(learned, batch_id, [*ids, 41], errors=1)
    predictions = learned.execute("SELECT id FROM predictions WHERE batch_id = %s", (batch_id,)).fetchall()
    for (prediction_id,) in predictions:
        found = store.read_explained(learned, prediction_id)
        assert found is not None
        lines = explain(*found).split("\n")
        assert all(line.isprintable() for line in lines)
        assert len(lines) <= 3 + len(SOURCES) + 4  # beside them the runner-up, two doubts, the alternatives
        assert all(len(line) < 3 * LONGEST for line in lines)
        assert all(1 <= len(reason.value) <= 200 and reason.value.isprintable() for reason in found[1])


@pytest.mark.one_server
@few
@given(TEXTS, TEXTS)
def test_whatever_people_write_is_kept_and_harms_nothing(learned: psycopg.Connection, reason: str, code: str) -> None:
    """The reason and the category of a recommendation, in any words; each example meets the last."""
    batch_id = batch(learned, [1, 60])
    treat_everything(learned)
    assert_settled(learned, batch_id, [1, 60])
    learned.execute(
        "INSERT INTO human_recommendations (prediction_id, category_code, reason)"
        " SELECT id, %s, %s FROM predictions WHERE batch_id = %s",
        (code, reason, batch_id),
    )
    kept = learned.execute(
        "SELECT category_code, reason FROM human_recommendations ORDER BY id DESC LIMIT 1"
    ).fetchone()
    assert kept == (code or None, reason)
    products = list(store.read_products(learned, [1, 60]).values())
    assert all(signal.value.isprintable() for signal in signals(learned, products))
    assert {label for _, label in store.read_labelled(learned)} <= {"hammers", "pipes"}
    entry = learned.execute(
        "SELECT metadata ->> 'category' FROM audit_log WHERE action = 'recommended' ORDER BY id DESC LIMIT 1"
    ).fetchone()
    assert entry == (code or None,)


def insert_product(conn: psycopg.Connection, product: dict[str, str | None]) -> int:
    row = conn.execute(
        "INSERT INTO products (sku, name, manufacturer, part_number, description, attributes)"
        " VALUES (%(sku)s, %(name)s, %(manufacturer)s, %(part_number)s, %(description)s, %(attributes)s::jsonb)"
        " RETURNING id",
        product,
    ).fetchone()
    assert row is not None
    product_id: int = row[0]
    return product_id


ELEMENTS = (
    st.integers(-3, 70)
    | st.integers(LARGEST_ID - 2, LARGEST_ID + 2)
    | st.integers(0, 70).map(str)
    | st.integers(0, 70).map(lambda number: f"00{number}")
    | JSON
)


@few
@given(st.lists(ELEMENTS, max_size=12) | JSON)
def test_any_order_comes_to_an_end_with_one_outcome_for_each_item(learned: psycopg.Connection, order: Any) -> None:
    batch_id = batch(learned, order)
    treat_everything(learned)
    row = read_batch(learned, batch_id)
    good = {id for id in map(as_id, order) if id is not None} if isinstance(order, list) else set()
    assert row["status"] == ("completed" if good or order == [] else "failed")
    assert row["processed_products"] == row["success_products"] + row["error_products"] == row["total_products"]
    codes = [code for _, code in errors_of(learned, batch_id)]
    predicted = learned.execute("SELECT product_id FROM predictions WHERE batch_id = %s", (batch_id,)).fetchall()
    assert len(predicted) == row["success_products"]
    assert len(codes) == row["error_products"]
    assert len(predicted) + codes.count("unknown_product") == len(good)
    assert {id for (id,) in predicted} <= good
    unaccounted = learned.execute(
        "SELECT count(*) FROM (SELECT DISTINCT value FROM categorization_batches,"
        "  jsonb_array_elements(CASE jsonb_typeof(product_ids) WHEN 'array' THEN product_ids ELSE '[]' END)"
        "  WHERE id = %(batch)s"
        "  EXCEPT SELECT item FROM categorization_errors WHERE batch_id = %(batch)s AND code = 'not_an_id') AS rest"
        " WHERE (value #>> '{}')::text !~ '^0*[0-9]{1,19}$'",
        {"batch": batch_id},
    ).fetchone()
    assert unaccounted == (0,)


def as_id(element: object) -> int | None:
    """What counts as an id: digits, in a number (1e16 has them, 1.0 has more) or in a string."""
    if isinstance(element, float):
        number = Decimal(json.dumps(element))
        element = int(number) if number.as_tuple().exponent >= 0 else None  # type: ignore[operator]
    if isinstance(element, bool) or not isinstance(element, int | str):
        return None
    found = re.fullmatch("0*([0-9]{1,19})", str(element), re.ASCII)
    return int(found[1]) if found and int(found[1]) <= LARGEST_ID else None
