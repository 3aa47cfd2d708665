"""The workload's own part: which sources are heard, and a refusal in words of what it cannot know."""

import psycopg
import pytest

from daemon.engine.workload import Item
from daemon.errors import ConfigurationError
from daemon.settings import Settings
from daemon.workloads.categorization.versions.lesson import learn_from_shop
from daemon.workloads.categorization.workload import Categorization, build_categorization
from tests.support.factories import batch, shop

pytestmark = pytest.mark.one_server  # its subject are settings and models


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type,call-arg]


def evidence_types(db: psycopg.Connection) -> set[str]:
    return {source_type for (source_type,) in db.execute("SELECT DISTINCT source_type FROM evidence")}


@pytest.mark.parametrize("without", ["description", "name,name_letters, name_pairs", "rule,decision"])
def test_sources_are_switched_off_by_a_setting(db: psycopg.Connection, without: str) -> None:
    product_ids = shop(db, products=60, labelled=40)
    learn_from_shop(db)
    workload = build_categorization(settings(CATALOGD_WITHOUT_SOURCES=without))
    items = [Item(batch(db, product_ids[40:]), product_id) for product_id in product_ids[40:]]
    with db.transaction():
        outcomes = workload.process(db, items)
    assert {outcome.code for outcome in outcomes} == {None}
    assert not evidence_types(db) & {name.strip() for name in without.split(",")}


def test_all_sources_are_heard_otherwise(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=60, labelled=40)
    learn_from_shop(db)
    items = [Item(batch(db, product_ids[40:]), product_id) for product_id in product_ids[40:]]
    with db.transaction():
        Categorization(90.0).process(db, items)
    assert {"name", "name_letters"} & evidence_types(db)


def test_a_source_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no source named names; there are part_number, .* decision, rule"):
        build_categorization(settings(CATALOGD_WITHOUT_SOURCES="description,names"))


def test_what_else_a_product_might_be_is_stored_for_php_to_show(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=60, labelled=40)
    learn_from_shop(db)
    db.execute(
        "UPDATE products SET name = 'hammer pipe', manufacturer = NULL, part_number = NULL, description = NULL,"
        " attributes = NULL WHERE id = 41"
    )
    with db.transaction():
        Categorization(90.0).process(db, [Item(batch(db, [product_ids[40]]), product_ids[40])])
    row = db.execute(
        "SELECT alternatives, unknown_share, unknown_manufacturer, confidence_score FROM predictions"
    ).fetchone()
    assert row is not None
    alternatives, unknown_share, unknown_manufacturer, confidence = row
    assert {*alternatives[0]} == {"code", "label", "probability"}
    assert 1 <= alternatives[0]["probability"] <= 100 - confidence
    assert 0 <= unknown_share <= 1
    assert unknown_manufacturer in (True, False)
