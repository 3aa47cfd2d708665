"""What a lesson stores, and what it puts into use."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

import psycopg
import pytest

from daemon.errors import DaemonError
from daemon.workloads.categorization import store as shop_store
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.learning import Judged, Lesson
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Taxonomy
from daemon.workloads.categorization.versions import lesson, store
from daemon.workloads.categorization.versions.lesson import learn_from_shop
from tests.support.database import Database
from tests.support.factories import shop

pytestmark = pytest.mark.one_server  # its subject is learning

real_learn = lesson.learn


def current(db: psycopg.Connection) -> int | None:
    return shop_store.read_model_version(db)


def test_the_first_model_is_promoted(db: psycopg.Connection) -> None:
    shop(db, products=60, labelled=60)
    learned = learn_from_shop(db)
    assert (learned.products, learned.categories, learned.promotion.promoted) == (60, 2, True)
    assert learned.promotion.why == "it is the first"
    assert current(db) == learned.version


def test_a_source_that_is_switched_off_is_not_learned_from(db: psycopg.Connection) -> None:
    shop(db, products=60, labelled=60)
    learned = learn_from_shop(db, silent=frozenset({"description"}))
    (version,) = store.list_versions(db)
    assert version.settings is not None
    assert version.settings["sources"] == [s.name for s in lesson.SOURCES if s.name != "description"]
    model = shop_store.read_model(db, learned.version)
    assert "description" not in {source.name for source in model.vocabulary.sources}


def test_what_is_stored_with_a_model(db: psycopg.Connection) -> None:
    shop(db, products=300, labelled=300)
    learned = learn_from_shop(db, threshold=80.0)
    (version,) = store.list_versions(db)
    assert version.settings == {
        "sources": [source.name for source in lesson.SOURCES],
        "threshold": 80.0,
        "format": lesson.FORMAT,
    }
    assert version.catalogd_version == lesson.__version__
    assert version.fingerprint is not None
    assert len(version.fingerprint) == 64
    judgements = store.read_judgements(db, learned.version)
    figures = version.report["judged"]
    assert isinstance(figures, dict)
    assert figures["products"] == len(judgements) > 10
    assert {"top1", "macro_f1", "threshold", "coverage", "precision", "calibration_error"} <= figures.keys()
    assert {said.code for said in judgements.values()} == {"hammers", "pipes"}
    assert all(10 <= said.confidence <= 100 for said in judgements.values())
    assert version.report["promotion"] == learned.promotion.as_json()


def test_the_fingerprint_is_of_texts_and_labels(db: psycopg.Connection) -> None:
    shop(db, products=40, labelled=40)
    edits = [
        "SELECT 1",
        "UPDATE products SET name = 'brass pipe' WHERE id = 1",
        'UPDATE products SET attributes = \'{"Colour": "green"}\' WHERE id = 1',
        "UPDATE products SET category_code = 'hammers' WHERE id = 1",
        "UPDATE products SET category_code = NULL WHERE id = 40",
    ]
    learn_from_shop(db)
    for edit in edits:
        db.execute(edit)
        learn_from_shop(db)
    prints = [version.fingerprint for version in store.list_versions(db)]
    assert prints[0] == prints[1]
    assert len(set(prints)) == len(edits)


def test_the_current_model_is_asked_about_what_was_labelled_since(db: psycopg.Connection) -> None:
    product_ids = shop(db, products=600, labelled=200)
    first = learn_from_shop(db)
    known = store.read_judgements(db, first.version)
    db.execute("UPDATE products SET category_code = CASE id % 2 WHEN 0 THEN 'hammers' ELSE 'pipes' END")
    second = learn_from_shop(db)
    judged = store.read_judgements(db, second.version)
    recent = second.promotion.recent
    assert recent is not None
    assert recent.products == len(judged.keys() - known.keys()) > 20
    assert max(judged) > product_ids[199] >= max(known)
    assert recent.current.right == 1.0
    assert second.promotion.held_out is not None
    assert second.promotion.held_out.products == len(known)


def test_what_was_decided_since_may_speak_against_a_model(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is as good as ever on what both know, and wrong about all that is new."""
    shop(db, products=600, labelled=200)
    first = learn_from_shop(db)
    known = store.read_judgements(db, first.version)

    def learn(labelled: Iterable[tuple[Product, str]], sources: Sequence[EvidenceSource], taxonomy: Taxonomy) -> Lesson:
        learned = real_learn(labelled, sources, taxonomy)
        spoiled = (j if j.product_id in known else j._replace(category_code="x") for j in learned.judged)
        return replace(learned, judged=tuple(spoiled))

    monkeypatch.setattr(lesson, "learn", learn)
    db.execute("UPDATE products SET category_code = CASE id % 2 WHEN 0 THEN 'hammers' ELSE 'pipes' END")
    second = learn_from_shop(db)
    assert not second.promotion.promoted
    assert second.promotion.held_out is not None
    assert second.promotion.held_out.objections == ()


def test_the_lock_is_polled_for_and_given_up(db: psycopg.Connection, database: Database) -> None:
    with (
        database.connect() as other,
        store.exclusively(other),
        pytest.raises(DaemonError, match="try again"),
        store.exclusively(db, patience_s=0.0),
    ):
        pytest.fail("two at once")
    with store.exclusively(db, patience_s=0.0):
        pass


def test_who_waits_for_the_lock_gets_it(db: psycopg.Connection, database: Database) -> None:
    is_in = threading.Event()

    def come_late() -> None:
        with database.connect() as other, store.exclusively(other):
            is_in.set()

    late = threading.Thread(target=come_late)
    with store.exclusively(db):
        late.start()
        assert not is_in.wait(0.3)
    late.join(20)
    assert is_in.is_set()


def test_the_figures_say_what_is_usual() -> None:
    judged = [Judged(1, "a", "a", 95.0, 0.25, False), Judged(2, "a", "b", 20.0, 0.75, True)]
    report = lesson.judge(judged, 90.0)
    assert report["usual"] == {"products": 2, "low": 0.5, "unknown": 0.5, "unknown_manufacturers": 0.5}
    assert "usual" not in lesson.judge([], 90.0)
