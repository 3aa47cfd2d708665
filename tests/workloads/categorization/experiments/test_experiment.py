"""Experiments on a small shop: what is held out is not learned from, what is left out is not seen."""

from dataclasses import replace
from functools import cache

import pytest

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.experiments.experiment import (
    FOLDS,
    LONGEST_REASONING,
    Case,
    Setup,
    fold_of,
    judge,
    judge_again,
    learn_and_judge,
    learning_curve,
    measure,
    restrict,
    write_reasoning,
)
from daemon.workloads.categorization.model.examples import read_examples
from daemon.workloads.categorization.model.learning import NothingToLearn
from tests.workloads.categorization.shop import TAXONOMY, make_labelled, make_product

CASES = [Case(str(product.id), product, code) for product, code in make_labelled(600)]


def by_fold(case, fold):
    return fold_of(case.reference) == fold


def run(cases=CASES, **chosen):
    return learn_and_judge(lambda: cases, by_fold, TAXONOMY, Setup(**chosen))


@cache
def trial_of_all(**chosen):
    """For those that only look at it: made once, and frozen."""
    return run(**chosen)


def test_a_fifth_is_judged_and_the_rest_learned_from():
    trial = trial_of_all()
    judged = [result.reference for result in trial.results]
    assert judged == [case.reference for case in CASES if fold_of(case.reference) == 0]
    assert 80 < len(judged) < 160
    assert trial.learned == len(CASES) - len(judged)
    assert measure(trial.results).top1 > 0.98


def test_what_is_judged_was_not_learned_from():
    """A word that stands in held-out products alone can help nobody: their category is never guessed by it."""
    cases = [
        Case(str(n), make_product(n, name="secret" if fold_of(str(n)) == 0 else "other"), "ab"[fold_of(str(n)) == 0])
        for n in range(400)
    ]
    trial = run(cases)
    assert {result.value for result in trial.results} == {"a"}
    assert measure(trial.results).top1 == 0


def test_all_folds_judge_each_product_once():
    trial = run(folds=FOLDS)
    assert sorted(int(result.reference) for result in trial.results) == list(range(600))


def test_what_is_held_out_has_every_fold_of_the_lessons_own():
    """Or a model would be calibrated on nothing where the two were the same."""
    left = [(case.product, case.truth) for case in CASES if fold_of(case.reference) != 0]
    held_out = [(case.product, case.truth) for case in CASES if fold_of(case.reference) == 0]
    assert len(set(read_examples(left, SOURCES, TAXONOMY).folds.tolist())) == 10
    assert len(set(read_examples(held_out, SOURCES, TAXONOMY).folds.tolist())) == 10


def test_names_are_name_manufacturer_and_part_number_alone():
    product = CASES[0].product
    bare = restrict(product, "names")
    assert bare == replace(product, description=None, attributes=None)
    assert restrict(product, "all") is product


def test_names_are_all_that_is_learned_from_and_decided_by():
    same = [case._replace(product=restrict(case.product, "names")) for case in CASES]
    trial = trial_of_all(fields="names")
    assert trial.results == run(same).results
    assert "Description" not in "".join(result.reasoning for result in trial.results)


@pytest.mark.parametrize("off", [source.name for source in SOURCES])
def test_a_source_switched_off_gives_no_evidence(off):
    label = next(source.label for source in SOURCES if source.name == off)
    trial = run(without=(off,))
    assert not any(f"{label}: " in result.reasoning for result in trial.results)
    assert any(f"{label}: " in result.reasoning for result in trial_of_all().results)


@pytest.mark.parametrize("without", [("smell",), tuple(source.name for source in SOURCES)])
def test_sources_that_are_not_there_are_refused(without):
    with pytest.raises(ValueError, match="source"):
        _ = Setup(without=without).sources


def test_the_same_products_give_the_same_trial_and_others_another_fingerprint():
    assert run() == trial_of_all()
    changed = [CASES[0]._replace(truth="saws"), *CASES[1:]]
    assert run(changed).fingerprint != trial_of_all().fingerprint
    names = trial_of_all(fields="names")
    assert names.fingerprint == trial_of_all().fingerprint, "of the data, not of what is left of it"


def test_what_is_only_known_not_to_be_is_wrong_where_it_is_said_again(model):
    bolt, bolt_again, drill = CASES[0], CASES[5], CASES[1]
    assert (bolt.truth, bolt_again.truth, drill.truth) == ("bolts", "bolts", "drills")
    cases = [
        Case("1", bolt.product, None, ("bolts",)),
        Case("2", bolt_again.product, None, ("saws",)),
        Case("3", drill.product, "drills", ("saws",)),
    ]
    trial = judge_again(model, TAXONOMY, cases, Setup())
    assert [result.is_correct for result in trial.results] == [False, None, True]
    found = measure(trial.results)
    assert (found.products, found.categories, found.top1) == (2, 1, 0.5)
    assert found.macro_f1 == 1


def test_reasoning_is_the_evidence(model):
    hostile = make_product(
        1, manufacturer="Fast\0fix", name="hex bolt \ud800 " * 9, attributes={"a\0\udfff": "x\0" * 40}
    )
    for product in (hostile, make_product(1)):
        (result,) = judge(model, TAXONOMY, [Case("x", product, None)], Setup())
        (decision,) = decide(model, TAXONOMY, [product])
        assert result.reasoning == write_reasoning(decision.evidence) != ""
        assert "\0" not in result.reasoning


def test_reasoning_can_be_stored_whatever_a_source_says():
    said = write_reasoning([Evidence("rule", "Rule", "a\0b \ud800", 0.25), Evidence("name", "Name", "x" * 9000, 0.5)])
    assert said.startswith("Rule: ab ? (25.0%); Name: xxx")
    assert len(said) <= LONGEST_REASONING


def test_of_nothing_nothing_is_measured():
    found = measure([])
    assert (found.products, found.top1, found.macro_f1, found.coverage, found.precision) == (0, None, None, None, None)
    with pytest.raises(NothingToLearn):
        run([])


def test_the_learning_curve_learns_from_parts_of_the_rest():
    points = learning_curve(lambda: CASES, by_fold, TAXONOMY, Setup(), sizes=(5, 50, 300, 5000))
    assert [point.learned for point in points] == [5, 50, 300]
    assert points[0].top1 < points[-1].top1
    assert points == learning_curve(lambda: CASES, by_fold, TAXONOMY, Setup(), sizes=(5, 50, 300, 5000))
