"""A threshold is proposed when decisions carry it, and never otherwise."""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from daemon.workloads.categorization.intervals import wilson
from daemon.workloads.categorization.people.precision import Tally, least_needed, propose_threshold

pytestmark = pytest.mark.one_server  # its subject is arithmetic

CONFIDENCES = st.integers(1000, 10_000).map(lambda hundredths: hundredths / 100)
WANTED = st.floats(0.5, 0.9999)


@st.composite
def tallies(draw: st.DrawFn) -> list[Tally]:
    made = []
    for confidence in draw(st.lists(CONFIDENCES, max_size=20)):
        decided = draw(st.integers(0, 5000))
        made.append(Tally(confidence, decided, draw(st.integers(0, decided))))
    return made


def above(some: list[Tally], threshold: float) -> tuple[int, int]:
    """Right and decided at or above a threshold."""
    counted = [tally for tally in some if tally.confidence >= threshold]
    return sum(tally.correct for tally in counted), sum(tally.decided for tally in counted)


def height(threshold: float | None) -> float:
    """No threshold is the highest of all."""
    return float("inf") if threshold is None else threshold


@given(tallies(), WANTED)
def test_what_is_proposed_is_carried_by_the_decisions_and_is_the_lowest(some: list[Tally], wanted: float) -> None:
    found = propose_threshold(some, wanted)
    carried = {
        tally.confidence
        for tally in some
        if above(some, tally.confidence)[1] and wilson(*above(some, tally.confidence))[0] >= wanted
    }
    assert found.threshold == min(carried, default=None)
    assert (found.correct, found.decided) == above(some, found.threshold if found.threshold is not None else 0)
    if found.threshold is not None:
        assert found.precision is not None
        assert found.precision >= wanted
        assert found.decided >= found.needed


@given(tallies(), WANTED, WANTED)
def test_who_wants_more_gets_no_lower_threshold(some: list[Tally], one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert height(propose_threshold(some, less).threshold) <= height(propose_threshold(some, more).threshold)


@given(tallies(), WANTED, st.data())
def test_a_decision_that_turns_out_right_never_raises_it(some: list[Tally], wanted: float, data: st.DataObject) -> None:
    before = propose_threshold(some, wanted).threshold
    wrong = [position for position, tally in enumerate(some) if tally.correct < tally.decided]
    if wrong:
        position = data.draw(st.sampled_from(wrong))
        tally = some[position]
        some[position] = Tally(tally.confidence, tally.decided, tally.correct + 1)
    assert height(propose_threshold(some, wanted).threshold) <= height(before)


@given(tallies(), WANTED, st.randoms(use_true_random=False))
def test_the_order_and_the_cut_of_the_tallies_do_not_matter(some: list[Tally], wanted: float, random: object) -> None:
    found = propose_threshold(some, wanted)
    pieces = [Tally(t.confidence, t.correct, t.correct) for t in some]
    pieces += [Tally(t.confidence, t.decided - t.correct, 0) for t in some]
    random.shuffle(pieces)  # type: ignore[attr-defined]
    assert propose_threshold(pieces, wanted) == found


@given(WANTED)
def test_so_many_are_needed_and_not_one_fewer(wanted: float) -> None:
    needed = least_needed(wanted)
    assert propose_threshold([Tally(95, needed, needed)], wanted).threshold == 95
    fewer = propose_threshold([Tally(95, needed - 1, needed - 1)], wanted)
    assert (fewer.threshold, fewer.has_too_few) == (None, True)


@given(st.integers(1, 100_000), st.data())
def test_the_interval_is_wilsons(decided: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, decided))
    low, high = wilson(correct, decided)
    known = binomtest(correct, decided).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((known.low, known.high), abs=1e-6)
    assert 0 <= low <= correct / decided <= high <= 1


def test_the_view_computes_the_same_interval(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO products (id) VALUES (1)")
    for prediction, is_right in enumerate([True] * 37 + [False] * 3):
        db.execute(
            "INSERT INTO human_decisions (product_id, prediction_id, verdict, is_right, confidence_score,"
            " confidence_level, model_version) VALUES (1, %s, 'approved', %s, 95, 'high', 4)",
            (prediction, is_right),
        )
    for view in ("lived_precision", "lived_precision_by_model"):
        rows = db.execute(
            f"SELECT decided, correct, precision::float8, precision_low::float8, precision_high::float8 FROM {view}"  # noqa: S608
        ).fetchall()
        assert rows == [(40, 37, 0.925, *(pytest.approx(end, abs=0.00005) for end in wilson(37, 40)))]


def test_a_handful_of_right_ones_proves_nothing() -> None:
    found = propose_threshold([Tally(99.5, 20, 20)], 0.99)
    assert (found.threshold, found.decided, found.needed, found.has_too_few) == (None, 20, 381, True)
    assert propose_threshold([], 0.99).interval is None


def test_many_wrong_ones_are_not_too_few() -> None:
    found = propose_threshold([Tally(99.5, 1000, 900)], 0.99)
    assert (found.threshold, found.has_too_few) == (None, False)
