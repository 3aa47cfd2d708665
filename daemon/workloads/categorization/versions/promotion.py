"""Whether a model may take the place of the one in use: the rule, and the numbers behind it. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from daemon.workloads.categorization.experiments.comparison import Comparison, compare
from daemon.workloads.categorization.intervals import wilson

MARGIN = 0.005  # a loss of right decisions that a shop would notice: five in a thousand
ENOUGH = 1000  # products that tell such a loss from chance well enough to act on it
WANTED_PRECISION = 0.99  # of what a shop accepts unseen; where it was better, less of it is no objection
LOST_COVERAGE = 0.10  # of the products, that would no longer reach the threshold


class Said(NamedTuple):
    """What a model says of a product; the confidence is in [10, 100]."""

    code: str
    confidence: float


class Case(NamedTuple):
    """A product that neither model had learned from: its category, and what each says."""

    truth: str
    current: Said
    new: Said


@dataclass(frozen=True, slots=True)
class Standing:
    """How one model does; shares are in [0, 1], the precision is that of the `accepted`, None where there are none."""

    right: float
    accepted: int
    precision: float | None


@dataclass(frozen=True, slots=True)
class Weighing:
    """Two models on the same products, and what speaks against the new one; nothing, if it is not worse."""

    products: int
    current: Standing
    new: Standing
    comparison: Comparison
    objections: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def weigh(cases: Sequence[Case], threshold: float, allowance: float = 0.0) -> Weighing | None:
    """None without any product. `threshold` is the confidence from which a shop accepts unseen.

    The new model is worse where it decides fewer products right, either surely so, beyond the `allowance`, or by
    more than MARGIN where ENOUGH products tell; where fewer of those that it is sure of are right, in the same way,
    than of the current one's, and than a shop wants; or where it is sure of far fewer although the current one was
    rightly sure.
    """
    if not cases:
        return None
    right = [case.current.code == case.truth for case in cases], [case.new.code == case.truth for case in cases]
    sure = (
        [case.current.confidence >= threshold for case in cases],
        [case.new.confidence >= threshold for case in cases],
    )
    current, new = (_stand(*each) for each in zip(right, sure, strict=True))
    comparison = compare(*right)
    objections = [
        *_object_to_decisions(comparison, len(cases), allowance),
        *_object_to_precision(current, new),
        *_object_to_coverage(current, compare(*sure)),
    ]
    return Weighing(len(cases), current, new, comparison, tuple(objections))


def _stand(right: Sequence[bool], sure: Sequence[bool]) -> Standing:
    accepted = sum(sure)
    both = sum(a and b for a, b in zip(right, sure, strict=True))
    return Standing(sum(right) / len(right), accepted, both / accepted if accepted else None)


def _object_to_decisions(comparison: Comparison, products: int, allowance: float) -> list[str]:
    lost = f"it decides {-comparison.difference:.2%} fewer products right"
    if comparison.high < -allowance:
        return [f"{lost}, {'surely more than none' if not allowance else f'surely more than {allowance:.1%}'}"]
    if products >= ENOUGH and comparison.difference < -MARGIN:
        return [f"{lost}, of {products:,}"]
    return []


def _object_to_precision(current: Standing, new: Standing) -> list[str]:
    if new.precision is None:
        return []
    bar = WANTED_PRECISION if current.precision is None else min(WANTED_PRECISION, current.precision)
    _, at_best = wilson(round(new.precision * new.accepted), new.accepted)
    if at_best < bar or (new.accepted >= ENOUGH and new.precision < bar - MARGIN):
        return [f"of the products that it is sure of {new.precision:.2%} are right, not {bar:.2%}"]
    return []


def _object_to_coverage(current: Standing, coverage: Comparison) -> list[str]:
    was_right = current.precision is not None and current.precision >= WANTED_PRECISION
    if was_right and coverage.high < -LOST_COVERAGE:
        return [f"it is sure of {-coverage.difference:.1%} fewer of all products"]
    return []
