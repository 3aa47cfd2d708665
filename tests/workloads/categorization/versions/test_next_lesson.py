"""A lesson where another was before: which of the two is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import psycopg
import pytest

from daemon.workloads.categorization import store as shop_store
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.learning import Lesson
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Taxonomy
from daemon.workloads.categorization.versions import lesson, store
from daemon.workloads.categorization.versions.lesson import Learned, Wish, learn_from_shop
from tests.support.database import Database
from tests.support.factories import shop
from tests.support.server import PrivateServer

pytestmark = pytest.mark.one_server  # its subject is learning

FIRST = 1  # the version that the first lesson has made

real_learn = lesson.learn


@pytest.fixture(scope="module")
def template(server: PrivateServer, template: str) -> Iterator[str]:
    """A database to be copied: a shop of 300 products, all with a category, that has learned once."""
    database = Database.create(server, "template_learned", template)
    with database.connect() as db:
        shop(db, products=300, labelled=300)
        assert learn_from_shop(db).version == FIRST
    yield database.as_template()
    database.drop()


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """From now on what is learned is wrong about every product held out, and sure of it; or right again."""

    def spoiled(
        labelled: Iterable[tuple[Product, str]], sources: Sequence[EvidenceSource], taxonomy: Taxonomy
    ) -> Lesson:
        learned = real_learn(labelled, sources, taxonomy)
        return replace(
            learned, judged=tuple(j._replace(category_code="nonsense", confidence=99.0) for j in learned.judged)
        )

    def switch(is_on: bool) -> None:
        monkeypatch.setattr(lesson, "learn", spoiled if is_on else real_learn)

    return switch


def current(db: psycopg.Connection) -> int | None:
    return shop_store.read_model_version(db)


def states(db: psycopg.Connection) -> list[str]:
    return [version.state for version in store.list_versions(db)]


def test_an_equal_model_replaces_the_one_in_use(db: psycopg.Connection) -> None:
    second = learn_from_shop(db)
    assert second.promotion.promoted
    assert second.promotion.why == "it is not worse"
    held_out = second.promotion.held_out
    assert held_out is not None
    assert (held_out.products, held_out.comparison.difference) == (len(store.read_judgements(db, FIRST)), 0.0)
    assert states(db) == ["replaced", "in use"]


def test_a_worse_model_is_kept_back_and_audited(db: psycopg.Connection, spoil: Callable[[bool], None]) -> None:
    spoil(True)
    second = learn_from_shop(db, actor=store.Actor("daemon", "host:1:abc"))
    assert not second.promotion.promoted
    assert "fewer products right" in second.promotion.why
    assert current(db) == FIRST
    assert states(db) == ["in use", "kept back"]
    entries = db.execute(
        "SELECT entity_id, action, actor_type, metadata FROM audit_log WHERE entity_type = 'categorization_model'"
        " ORDER BY id"
    ).fetchall()
    assert [entry[:3] for entry in entries] == [
        (FIRST, "promoted", "operator"),
        (second.version, "kept_back", "daemon"),
    ]
    assert entries[1][3] == {"instance": "host:1:abc", "against": FIRST, "why": second.promotion.why}


def test_wishes_go_before_the_rule(db: psycopg.Connection, spoil: Callable[[bool], None]) -> None:
    kept = learn_from_shop(db, wish=Wish.KEEP_BACK)
    assert (kept.promotion.promoted, current(db)) == (False, FIRST)
    spoil(True)
    forced = learn_from_shop(db, wish=Wish.PROMOTE)
    assert (forced.promotion.promoted, current(db)) == (True, forced.version)
    assert forced.promotion.held_out is not None
    assert forced.promotion.held_out.objections


def test_todays_truth_decides(db: psycopg.Connection) -> None:
    """People have changed their mind about every product since the current model was learned."""
    db.execute("UPDATE products SET category_code = CASE category_code WHEN 'pipes' THEN 'hammers' ELSE 'pipes' END")
    second = learn_from_shop(db)
    assert second.promotion.held_out is not None
    assert (second.promotion.held_out.current.right, second.promotion.held_out.new.right) == (0.0, 1.0)


@pytest.mark.parametrize("edit", ["content = 'catalogd model 0\n'", "judged_products = NULL"])
def test_a_current_model_that_cannot_be_compared_with_is_replaced(
    db: psycopg.Connection, spoil: Callable[[bool], None], edit: str
) -> None:
    db.execute(f"UPDATE categorization_models SET {edit}")  # type: ignore[call-overload]  # noqa: S608
    spoil(True)
    learned = learn_from_shop(db)
    assert learned.promotion.promoted
    assert current(db) == learned.version


def test_of_two_lessons_at_once_the_second_stands_up_to_the_first(
    db: psycopg.Connection, database: Database, spoil: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have compared themselves with the same version when one is stored."""
    others: list[Learned] = []
    weigh_against = lesson.weigh_against

    def meanwhile(*arguments: object) -> object:
        found = weigh_against(*arguments)  # type: ignore[arg-type]
        if not others:
            others.append(None)  # type: ignore[arg-type]  # only once
            with database.connect() as other:
                others[0] = learn_from_shop(other)
        return found

    monkeypatch.setattr(lesson, "weigh_against", meanwhile)
    learned = learn_from_shop(db)
    assert others[0].promotion.promoted
    assert learned.promotion.against == others[0].version
    assert current(db) == learned.version == others[0].version + 1


def test_old_versions_go_but_not_the_one_in_use_nor_the_one_before_it(
    db: psycopg.Connection, spoil: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 3)
    before, in_use = (learn_from_shop(db).version for _ in range(2))
    spoil(True)
    kept_back = [learn_from_shop(db).version for _ in range(4)]
    assert [version.version for version in store.list_versions(db)] == [before, in_use, *kept_back[1:]]
    assert before > FIRST


def test_promoted_is_promoted_last_whatever_the_clock_says(db: psycopg.Connection) -> None:
    db.execute("UPDATE categorization_models SET promoted_at = now() + interval '3 hours'")
    second = learn_from_shop(db).version
    assert current(db) == second
    store.promote(db, FIRST)
    assert current(db) == FIRST


def test_a_model_that_an_older_catalogd_writes_is_in_use(db: psycopg.Connection) -> None:
    """Its INSERT names four columns; while hosts are updated one after the other it may still learn."""
    row = db.execute(
        "INSERT INTO categorization_models (products, categories, report, content)"
        " SELECT products, categories, '{}', content FROM categorization_models RETURNING version"
    ).fetchone()
    assert row is not None
    assert current(db) == row[0]
    assert learn_from_shop(db).promotion.promoted
