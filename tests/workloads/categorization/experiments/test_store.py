"""Experiments in the database: kept whole, deleted whole, read in the views."""

from datetime import timedelta

import psycopg
import pytest

from daemon.workloads.categorization.experiments import store
from daemon.workloads.categorization.experiments.experiment import Result, Trial
from daemon.workloads.categorization.experiments.store import Experiment, NoSuchExperiment
from daemon.workloads.categorization.store import read_taxonomy
from tests.support.factories import shop

pytestmark = pytest.mark.one_server  # its subject is what is kept of figures

RESULTS = (
    Result("1", "pipes", "pipes", 95.5, "Name: “pipe” (80.0%)", True),
    Result("SKU\t2\\", "hammers", "pipes", 12.0, "tab\tand \\N and\nbreak", False),
    Result("3", None, "hammers", 100.0, "", None),
)


def keep(db, *, metrics=None, settings=None, results=RESULTS, fingerprint="f", kind="shop", note=None):
    trial = Trial(7, fingerprint, results)
    settings = settings or {"fields": "all", "without": ["name"]}
    metrics = {"products": 2, "top1": 0.5} if metrics is None else metrics
    return store.write_experiment(db, Experiment(kind, settings, None, trial, metrics, timedelta(seconds=61.5), note))


def test_an_experiment_is_kept_with_its_results(db: psycopg.Connection) -> None:
    experiment_id = keep(db, note="tried")
    rows = db.execute(
        "SELECT product_id, truth, value, confidence::float8, reasoning, is_correct FROM prediction_results"
        " WHERE experiment_id = %s",
        (experiment_id,),
    ).fetchall()
    assert sorted(rows) == sorted(tuple(result[:6]) for result in RESULTS)
    row = db.execute(
        "SELECT kind, note, finished_at - started_at, learned_products FROM prediction_experiments"
    ).fetchone()
    assert row == ("shop", "tried", timedelta(seconds=61.5), 7)


def test_results_and_experiment_are_kept_together_or_not_at_all(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        keep(db, results=RESULTS[:1] * 2)
    assert db.execute("SELECT count(*) FROM prediction_experiments").fetchone() == (0,)


def test_deleting_an_experiment_deletes_its_results_and_no_others(db: psycopg.Connection) -> None:
    first, second = keep(db), keep(db)
    db.execute("DELETE FROM prediction_experiments WHERE id = %s", (first,))
    assert db.execute("SELECT DISTINCT experiment_id FROM prediction_results").fetchall() == [(second,)]


def test_a_kind_that_is_not_known_is_refused(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        keep(db, kind="guess")


def test_an_earlier_experiment_is_read_by_what_is_known_to_be_right(db: psycopg.Connection) -> None:
    earlier = store.read_earlier(db, keep(db))
    assert (earlier.fingerprint, earlier.rights) == ("f", {"1": True, "SKU\t2\\": False})
    with pytest.raises(NoSuchExperiment, match="no experiment 99"):
        store.read_earlier(db, 99)


def test_the_summary_has_a_row_for_each_experiment(db: psycopg.Connection) -> None:
    keep(db, metrics={"products": 2, "top1": 0.51239, "precision": None, "threshold": 90.0, "wrong_above": 1}, note="n")
    keep(db, metrics={})
    rows = db.execute(
        "SELECT note, duration_s::float8, fields, without, products, top1::float8, precision, threshold::float8,"
        " wrong_above FROM experiment_summary ORDER BY id"
    ).fetchall()
    assert rows == [
        ("n", 61.5, "all", ["name"], 2, 0.5124, None, 90.0, 1),
        (None, 61.5, "all", ["name"], None, None, None, None, None),
    ]


def test_a_trend_compares_with_the_one_before_of_the_same_settings(db: psycopg.Connection) -> None:
    other = {"fields": "names", "without": []}
    keep(db, metrics={"top1": 0.5, "precision": None, "curve": [{"top1": 1}]}, fingerprint="a")
    keep(db, metrics={"top1": 0.9}, settings=other)
    keep(db, metrics={"top1": 0.75, "precision": 0.9}, fingerprint="a")
    keep(db, metrics={"top1": 0.7}, fingerprint="b")
    keep(db, metrics={"top1": 0.1}, kind="catalogue")
    rows = db.execute(
        "SELECT metric, value::float8, previous::float8, change::float8, is_same_data FROM metric_trends"
        " ORDER BY metric, experiment_id"
    ).fetchall()
    assert rows == [
        ("precision", 0.9, None, None, False),
        ("top1", 0.5, None, None, False),
        ("top1", 0.9, None, None, False),
        ("top1", 0.75, 0.5, 0.25, True),
        ("top1", 0.7, 0.75, -0.05, False),
        ("top1", 0.1, None, None, False),
    ]


def decide(db, product_id, predicted, chosen, minutes):
    """A person's decision, so many minutes after the model was learned."""
    db.execute(
        "INSERT INTO human_decisions (product_id, verdict, predicted_category_code, right_category_code, is_right,"
        " decided_at)"
        " SELECT %s, 'recommended', %s, %s, coalesce(%s = %s, false), learned_at + make_interval(mins => %s)"
        " FROM categorization_models",
        (product_id, predicted, chosen, predicted, chosen, minutes),
    )


def test_what_people_decided_since_is_read_and_nothing_older(db: psycopg.Connection) -> None:
    shop(db, products=10)
    db.execute(
        "INSERT INTO categorization_models (learned_at, products, categories, report, content)"
        " VALUES (now() - interval '1 day', 1, 1, '{}', '')"
    )
    decide(db, 1, "pipes", "pipes", 5)
    decide(db, 2, "pipes", None, 5)
    decide(db, 2, "tubes", None, 6)
    decide(db, 3, "pipes", None, 5)
    decide(db, 3, "hammers", "hammers", 6)
    decide(db, 4, "pipes", "pipes", -5)  # before: learned from
    decide(db, 6, "hammers", "hammers", 5)
    db.execute("UPDATE products SET category_code = 'pipes' WHERE id = 6")  # the shop's word goes before
    decide(db, 7, "gone", "gone", 5)
    decide(db, 8, "pipes", "pipes", -5)  # learned from, and approved again
    decide(db, 8, "pipes", "pipes", 5)
    decide(db, 9, "pipes", None, -5)
    decide(db, 9, "hammers", "hammers", 5)
    decide(db, 10, "pipes", "hammers", 5)  # wrong, and said what is right
    cases = store.read_decided(db, store.read_learned_at(db, 1), read_taxonomy(db))
    assert [(case.reference, case.truth, case.rejected) for case in cases] == [
        ("1", "pipes", ()),
        ("2", None, ("pipes", "tubes")),
        ("3", "hammers", ("pipes",)),
        ("6", "pipes", ()),
        ("7", None, ()),
        ("9", "hammers", ()),
        ("10", "hammers", ("pipes",)),
    ]
    assert cases[0].product.name == "copper pipe 1"
    assert cases[0].product.attributes == {"Colour": "brown"}
    with pytest.raises(NoSuchExperiment, match="no model 2"):
        store.read_learned_at(db, 2)
