"""Rules from end to end: written by PHP, heard by a running daemon, told in the evidence."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.factories import assert_settled, batch, rule, shop
from tests.support.process import Catalogd, Process

pytestmark = pytest.mark.one_server  # its subject is the decision


@pytest.fixture
def product_ids(db: psycopg.Connection, catalogd: Catalogd) -> list[int]:
    """Sixty products, of which forty were learned from."""
    ids = shop(db, products=60, labelled=40)
    assert catalogd("learn").returncode == 0
    return ids[40:]


@pytest.fixture
def process(catalogd: Catalogd, product_ids: list[int]) -> Iterator[Process]:
    running = catalogd.start()
    yield running
    assert running.stop() == 0


def suggested(db: psycopg.Connection, process: Process, product_ids: list[int]) -> dict[str, int]:
    """How often which category is suggested for these products."""
    batch_id = batch(db, product_ids)
    process.wait_for("batch.completed", batch_id=batch_id)
    assert_settled(db, batch_id, product_ids)
    rows = db.execute(
        "SELECT suggested_category_code, count(*) FROM predictions WHERE batch_id = %s GROUP BY 1", (batch_id,)
    )
    return dict(rows.fetchall())


def test_a_rule_turns_a_category_and_is_told_in_the_evidence(
    db: psycopg.Connection, process: Process, product_ids: list[int], catalogd: Catalogd
) -> None:
    rule_id = rule(db, r"\bhammer\b", "pipes", weight="20", note="Ann: hammers are pipes now")
    assert suggested(db, process, product_ids) == {"pipes": 20}
    values = db.execute(
        "SELECT source_label, evidence_value, count(*), min(weight) > 0 FROM evidence WHERE source_type = 'rule'"
        " GROUP BY source_label, evidence_value"
    ).fetchall()
    assert values == [("Rule", rf"rule {rule_id}: name matches “\bhammer\b”, Ann: hammers are pipes now", 10, True)]
    found = catalogd("rules", "test", str(rule_id)).stdout
    assert "it changes 30 suggestions: 0 to what was confirmed, 20 away from it" in found
    assert "hammers → pipes" in found


def test_a_catastrophic_pattern_stops_nobody(db: psycopg.Connection, process: Process, product_ids: list[int]) -> None:
    db.execute("UPDATE products SET name = repeat('a', 10000) || 'b' WHERE id = ANY(%s)", (product_ids,))
    rule(db, "(a+)+$", "pipes")
    rule(db, "(.*a){30}c", "pipes")
    rule(db, "(a", "pipes")
    rule(db, "^aaa", "hammers", weight="20")
    assert suggested(db, process, product_ids) == {"hammers": 20}
    assert process.wait_for("rule.refused")["rule_id"] == 3


def test_a_rule_that_takes_too_long_is_left_out_and_the_batch_goes_on(
    db: psycopg.Connection, process: Process, product_ids: list[int]
) -> None:
    db.execute(
        "UPDATE products SET name = (SELECT string_agg(chr(97 + (hashint8(i * 1000 + id) & 1)), '')"
        " FROM generate_series(1, 4000) AS i) WHERE id = ANY(%s)",
        (product_ids,),
    )
    slow = rule(db, "(?:a|b)*a.{980}c", "pipes")
    rule(db, "^[ab]", "hammers", weight="20")
    assert suggested(db, process, product_ids) == {"hammers": 20}
    assert suggested(db, process, product_ids) == {"hammers": 20}
    assert [event["rule_id"] for event in process.named("rule.suspended")] == [slow]


def test_rules_are_switched_off_like_any_source(
    db: psycopg.Connection, product_ids: list[int], catalogd: Catalogd
) -> None:
    rule(db, "hammer", "pipes", weight="20")
    batch_id = batch(db, product_ids)
    assert catalogd("run", "--once", CATALOGD_WITHOUT_SOURCES="rule").returncode == 0
    assert db.execute(
        "SELECT count(*) FROM predictions WHERE batch_id = %s AND suggested_category_code = 'pipes'", (batch_id,)
    ).fetchone() == (10,)
