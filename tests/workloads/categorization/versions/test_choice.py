"""What people decide about versions."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from daemon.errors import DaemonError, UsageError
from daemon.workloads.categorization import store as shop_store
from daemon.workloads.categorization.knowledge import CurrentKnowledge
from daemon.workloads.categorization.versions import store
from daemon.workloads.categorization.versions.choice import compare_versions, promote, roll_back
from daemon.workloads.categorization.versions.lesson import BY_HAND, learn_from_shop
from tests.support.database import Database
from tests.support.factories import shop
from tests.support.server import PrivateServer

pytestmark = pytest.mark.one_server  # its subject is the choice among models


@pytest.fixture(scope="module")
def template(server: PrivateServer, template: str) -> Iterator[str]:
    """A database to be copied: a shop that has learned three times, with the last version in use."""
    database = Database.create(server, "template_three_versions", template)
    with database.connect() as db:
        shop(db, products=200, labelled=200)
        for _ in range(3):
            learn_from_shop(db)
    yield database.as_template()
    database.drop()


@pytest.fixture
def three(db: psycopg.Connection) -> list[int]:
    """The versions, as they were learned."""
    return sorted(version.version for version in store.list_versions(db))


def current(db: psycopg.Connection) -> int | None:
    return shop_store.read_model_version(db)


def test_back_and_back_and_forward_again(db: psycopg.Connection, three: list[int]) -> None:
    first, second, third = three
    assert roll_back(db, BY_HAND) == (third, second)
    assert roll_back(db, BY_HAND) == (second, first)
    assert current(db) == first
    assert [version.state for version in store.list_versions(db)] == ["in use", "rolled back", "rolled back"]
    with pytest.raises(DaemonError, match=f"no model to go back to from model {first}"):
        roll_back(db, BY_HAND)
    assert current(db) == first
    assert promote(db, third, BY_HAND) == first
    assert current(db) == third
    assert [version.state for version in store.list_versions(db)] == ["replaced", "rolled back", "in use"]
    assert roll_back(db, BY_HAND) == (third, first)
    entries = db.execute(
        "SELECT action, entity_id FROM audit_log WHERE entity_type = 'categorization_model' ORDER BY id"
    ).fetchall()
    assert entries == [
        *(("promoted", version) for version in three),
        ("rolled_back", third),
        ("rolled_back", second),
        ("promoted", third),
        ("rolled_back", third),
    ]


def test_a_running_instance_follows_forward_and_back(db: psycopg.Connection, three: list[int]) -> None:
    knowledge = CurrentKnowledge()
    assert knowledge.at(db).version == three[2]
    roll_back(db, BY_HAND)
    assert knowledge.at(db).version == three[1]
    promote(db, three[2], BY_HAND)
    assert knowledge.at(db).version == three[2]


def test_to_promote_what_is_in_use_changes_nothing(db: psycopg.Connection, three: list[int]) -> None:
    before = store.list_versions(db)
    assert promote(db, three[2], BY_HAND) == three[2]
    assert store.list_versions(db) == before


def test_a_version_that_is_not_there_is_a_usage_error(db: psycopg.Connection, three: list[int]) -> None:
    with pytest.raises(UsageError, match="no model 99"):
        promote(db, 99, BY_HAND)
    with pytest.raises(UsageError, match="no model 99"):
        compare_versions(db, three[0], 99, 90.0)


def test_what_this_version_cannot_use_is_not_put_into_use(db: psycopg.Connection, three: list[int]) -> None:
    db.execute("UPDATE categorization_models SET content = 'catalogd model 0' WHERE version = %s", (three[1],))
    for change in (lambda: promote(db, three[1], BY_HAND), lambda: roll_back(db, BY_HAND)):
        with pytest.raises(DaemonError, match=f"cannot use model {three[1]}"):
            change()
        assert current(db) == three[2]


def test_two_versions_are_compared_on_what_both_have_judged_by_todays_truth(
    db: psycopg.Connection, three: list[int]
) -> None:
    first, second, _ = three
    known = store.read_judgements(db, first)
    gone, changed = sorted(known)[:2]
    db.execute("UPDATE products SET category_code = NULL WHERE id = %s", (gone,))
    db.execute(
        "UPDATE products SET category_code = CASE category_code WHEN 'pipes' THEN 'hammers' ELSE 'pipes' END"
        " WHERE id = %s",
        (changed,),
    )
    found = compare_versions(db, first, second, 90.0)
    assert found.products == len(known) - 1
    assert (found.a.version, found.b.version) == (first, second)
    assert found.a.top1 == found.b.top1 == pytest.approx(1 - 1 / found.products)
    assert found.comparison.difference == 0


def test_versions_without_judgements_in_common_are_not_compared(db: psycopg.Connection, three: list[int]) -> None:
    db.execute("UPDATE categorization_models SET judged_products = NULL WHERE version = %s", (three[0],))
    with pytest.raises(DaemonError, match=f"model {three[0]} is from a catalogd"):
        compare_versions(db, three[0], three[1], 90.0)
    db.execute("UPDATE products SET category_code = NULL")
    with pytest.raises(DaemonError, match="no product in common"):
        compare_versions(db, three[1], three[2], 90.0)
