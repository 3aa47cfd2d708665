"""The rule by which a model takes the place of another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.versions.promotion import Case, Said, weigh

RIGHT, WRONG = "pipes", "hammers"


def cases(number: int, current: tuple[bool, float], new: tuple[bool, float]) -> list[Case]:
    """`number` products of which each model is right or not, with that confidence."""
    said = [Said(RIGHT if right else WRONG, confidence) for right, confidence in (current, new)]
    return [Case(RIGHT, *said)] * number


def objections(*groups: list[Case], allowance: float = 0.0) -> str:
    weighing = weigh([case for group in groups for case in group], 90.0, allowance)
    assert weighing is not None
    return "; ".join(weighing.objections)


SURE, UNSURE = (True, 95.0), (True, 50.0)
MISTAKEN, DOUBTFUL = (False, 95.0), (False, 50.0)


def test_without_products_nothing_is_known() -> None:
    assert weigh([], 90.0) is None


def test_an_equal_model_is_not_worse() -> None:
    assert objections(cases(900, SURE, SURE), cases(100, DOUBTFUL, DOUBTFUL)) == ""


def test_a_better_model_is_not_worse() -> None:
    assert objections(cases(900, SURE, SURE), cases(100, DOUBTFUL, UNSURE)) == ""


def test_what_is_surely_worse_is_objected_to() -> None:
    said = objections(cases(480, SURE, SURE), cases(20, UNSURE, DOUBTFUL))
    assert said == "it decides 4.00% fewer products right, surely more than none"


def test_a_few_products_do_not_tell_a_loss_from_chance() -> None:
    assert objections(cases(95, SURE, SURE), cases(3, UNSURE, DOUBTFUL), cases(2, DOUBTFUL, UNSURE)) == ""


def test_many_products_tell_a_loss_though_it_might_be_chance() -> None:
    groups = cases(1800, SURE, SURE), cases(106, UNSURE, DOUBTFUL), cases(94, DOUBTFUL, UNSURE)
    assert objections(*groups) == "it decides 0.60% fewer products right, of 2,000"
    assert objections(groups[0][:400], groups[1][:56], groups[2][:44]) == ""


def test_a_loss_within_the_allowance_is_none() -> None:
    groups = cases(9980, SURE, SURE), cases(20, UNSURE, DOUBTFUL)
    assert objections(*groups) != ""
    assert objections(*groups, allowance=0.005) == ""
    assert objections(*groups, cases(800, UNSURE, DOUBTFUL), allowance=0.005) != ""


def test_confidence_that_is_less_true_is_objected_to() -> None:
    groups = cases(960, SURE, SURE), cases(40, DOUBTFUL, MISTAKEN)
    assert objections(*groups) == "of the products that it is sure of 96.00% are right, not 99.00%"


def test_confidence_that_is_as_true_as_it_was_is_not() -> None:
    assert objections(cases(960, SURE, SURE), cases(40, MISTAKEN, MISTAKEN)) == ""


def test_a_little_less_precision_than_wanted_counts_where_many_products_tell() -> None:
    groups = cases(9840, SURE, SURE), cases(160, DOUBTFUL, MISTAKEN)
    assert "98.40%" in objections(*groups)
    assert objections(groups[0][:984], groups[1][:0], cases(6, DOUBTFUL, MISTAKEN)) == ""


def test_a_model_that_is_sure_of_nothing_is_objected_to() -> None:
    assert objections(cases(500, SURE, UNSURE)) == "it is sure of 100.0% fewer of all products"


def test_a_model_that_is_sure_of_less_because_the_other_was_wrong_is_not() -> None:
    assert objections(cases(400, SURE, UNSURE), cases(100, MISTAKEN, DOUBTFUL)) == ""


@given(
    st.lists(
        st.builds(Case, st.just(RIGHT), *[st.builds(Said, st.sampled_from([RIGHT, WRONG]), st.floats(10, 100))] * 2)
    )
)
def test_a_model_never_objects_to_itself_and_not_both_ways(found: list[Case]) -> None:
    same = weigh([Case(case.truth, case.current, case.current) for case in found], 90.0)
    assert same is None or same.objections == ()
    forth = weigh(found, 90.0)
    back = weigh([Case(case.truth, case.new, case.current) for case in found], 90.0)
    if forth and back:
        fewer = [[line for line in each.objections if "fewer products right" in line] for each in (forth, back)]
        assert not all(fewer)
