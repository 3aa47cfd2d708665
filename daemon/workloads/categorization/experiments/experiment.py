"""Learn from a part and predict the rest, or have a stored model decide again what people decided since."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import islice
from operator import itemgetter
from typing import Literal, NamedTuple

from daemon.workloads.categorization.decision import THRESHOLD, decide
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.source import Evidence, EvidenceSource
from daemon.workloads.categorization.experiments import metrics
from daemon.workloads.categorization.experiments.metrics import Metrics
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.learning import learn
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Taxonomy

Fields = Literal["names", "all"]

FOLDS = 5  # each holds a fifth of the products
SLICE = 500  # products decided together, as a worker does
CURVE = (1_000, 2_000, 5_000, 10_000, 20_000)  # products learned from, for the learning curve
LONGEST_REASONING = 2_000  # characters


class Case(NamedTuple):
    """A product with what people say of it.

    reference: the product as given: its id in the shop, or its sku in a file.
    truth: its category; None where it is only known which it is not, the `rejected` ones.
    """

    reference: str
    product: Product
    truth: str | None
    rejected: tuple[str, ...] = ()


class Result(NamedTuple):
    """What was said of one case, and whether it is right: None where that is not known.

    reasoning is the evidence as text; alternatives are codes, likeliest first.
    """

    reference: str
    truth: str | None
    value: str
    confidence: float
    reasoning: str
    is_correct: bool | None
    alternatives: tuple[str, ...] = ()


class CurvePoint(NamedTuple):
    """The figures after learning from only so many of the products."""

    learned: int
    top1: float | None
    coverage: float | None
    precision: float | None


@dataclass(frozen=True, slots=True)
class Setup:
    """What is chosen for an experiment. Two with the same setup differ by data, model or code alone.

    fields: "names" are name, manufacturer and part number only, in learning and deciding.
    without: names of the sources of evidence that are switched off.
    folds: how many of the FOLDS are held out in turn, a lesson for each.
    """

    fields: Fields = "all"
    without: tuple[str, ...] = ()
    threshold: float = THRESHOLD
    folds: int = 1

    @property
    def sources(self) -> list[EvidenceSource]:
        """Those that are left. Raises ValueError for a name that no source has, or when none is left."""
        names = [source.name for source in SOURCES]
        for name in self.without:
            if name not in names:
                raise ValueError(f"there is no source {name!r}; the sources are: {', '.join(names)}")
        left = [source for source in SOURCES if source.name not in self.without]
        if not left:
            raise ValueError("without any source there is nothing to learn from")
        return left


@dataclass(frozen=True, slots=True)
class Trial:
    """What came out. `fingerprint` is of the products and what people say of them, before any field is left out."""

    learned: int
    fingerprint: str
    results: tuple[Result, ...]


Read = Callable[[], Iterable[Case]]  # the labelled products, in the same order each time


def fold_of(reference: str) -> int:
    """In [0, FOLDS), from the product's reference alone; independent of the folds that learning makes of its own."""
    return int.from_bytes(hashlib.blake2b(reference.encode("utf-8", "surrogatepass"), digest_size=4).digest()) % FOLDS


def restrict(product: Product, fields: Fields) -> Product:
    """The product as if the shop had only these fields of it."""
    return product if fields == "all" else replace(product, description=None, attributes=None)


def learn_and_judge(read: Read, is_held_out: Callable[[Case, int], bool], taxonomy: Taxonomy, setup: Setup) -> Trial:
    """A lesson for each fold of the setup, judged on the products held out of it.

    `is_held_out` is asked with the number of the fold. The products are read once for each lesson; only those held out
    are kept. Raises NothingToLearn.
    """
    results: list[Result] = []
    digest = hashlib.sha256()
    learned = 0
    for fold in range(setup.folds):
        held_out: list[Case] = []

        def lesson(fold: int = fold, held_out: list[Case] = held_out) -> Iterator[tuple[Product, str]]:
            nonlocal learned
            for case in read():
                is_out = is_held_out(case, fold)
                _note(digest, case, is_out)
                if is_out:
                    held_out.append(case)
                elif case.truth is not None:
                    learned += 1
                    yield restrict(case.product, setup.fields), case.truth

        model = learn(lesson(), setup.sources, taxonomy).model
        results += judge(model, taxonomy, held_out, setup)
    return Trial(learned, digest.hexdigest(), tuple(results))


def judge_again(model: Model, taxonomy: Taxonomy, cases: Iterable[Case], setup: Setup) -> Trial:
    """What this model says of products it has not learned from."""
    digest = hashlib.sha256()
    kept = list(cases)
    for case in kept:
        _note(digest, case, True)
    return Trial(0, digest.hexdigest(), tuple(judge(model, taxonomy, kept, setup)))


def learning_curve(
    read: Read, is_held_out: Callable[[Case, int], bool], taxonomy: Taxonomy, setup: Setup, sizes: Sequence[int] = CURVE
) -> list[CurvePoint]:
    """The figures on the first fold's products after learning from only some of the others, chosen by their reference.

    Sizes that the catalogue does not have are left out. As many products as the largest size are kept in memory.
    """
    held_out: list[Case] = []

    def rest() -> Iterator[Case]:
        for case in read():
            if is_held_out(case, 0):
                held_out.append(case)
            elif case.truth is not None:
                yield case

    ranked = ((_rank(case.reference), number, case) for number, case in enumerate(rest()))
    chosen = nsmallest(max(sizes), ranked, key=itemgetter(0, 1))
    points = []
    for size in sizes:
        if size > len(chosen):
            break
        part = sorted(chosen[:size], key=itemgetter(1))  # in the order of the catalogue, as a shop is read
        lesson = [(restrict(case.product, setup.fields), str(case.truth)) for _, _, case in part]
        model = learn(lesson, setup.sources, taxonomy).model
        found = measure(judge(model, taxonomy, held_out, setup), setup.threshold)
        points.append(CurvePoint(size, found.top1, found.coverage, found.precision))
    return points


def judge(model: Model, taxonomy: Taxonomy, cases: Iterable[Case], setup: Setup) -> Iterator[Result]:
    """A result for each case, in their order. The sources that the setup switches off are not heard."""
    waiting = iter(cases)
    while part := list(islice(waiting, SLICE)):
        decisions = decide(
            model,
            taxonomy,
            [restrict(case.product, setup.fields) for case in part],
            setup.threshold,
            silent=frozenset(setup.without),
        )
        for case, decision in zip(part, decisions, strict=True):
            yield Result(
                case.reference,
                case.truth,
                decision.category_code,
                decision.confidence,
                write_reasoning(decision.evidence),
                _is_correct(case, decision.category_code),
                tuple(alternative.category_code for alternative in decision.alternatives),
            )


def measure(results: Iterable[Result], threshold: float = THRESHOLD) -> Metrics:
    """The figures over the results of which is known whether they are right."""
    known = [result for result in results if result.is_correct is not None]
    rights = [bool(result.is_correct) for result in known]
    sure = [result.confidence for result in known]
    named = [(result.truth, result.value, result.alternatives) for result in known if result.truth is not None]
    truths, values = [truth for truth, _, _ in named], [value for _, value, _ in named]
    coverage, precision = metrics.coverage_and_precision(sure, rights, threshold)
    return Metrics(
        products=len(known),
        categories=len(set(truths)),
        top1=metrics.top_one(rights),
        macro_f1=metrics.macro_f1(truths, values),
        top3=metrics.top_three(truths, values, [others for _, _, others in named]),
        threshold=threshold,
        coverage=coverage,
        precision=precision,
        wrong_above=sum(not right and confidence >= threshold for right, confidence in zip(rights, sure, strict=True)),
        calibration_error=metrics.calibration_error(metrics.reliability(sure, rights)),
    )


def _is_correct(case: Case, value: str) -> bool | None:
    if case.truth is not None:
        return value == case.truth
    return False if value in case.rejected else None


def write_reasoning(evidence: Sequence[Evidence]) -> str:
    """The evidence as text that Postgres can hold: a file's JSON may name signs that it cannot."""
    text = "; ".join(f"{each.source_label}: {each.value} ({each.weight:.1%})" for each in evidence)
    return text[:LONGEST_REASONING].replace("\0", "").encode("utf-8", "replace").decode()


def _note(digest: "hashlib._Hash", case: Case, is_held_out: bool) -> None:
    digest.update(f"{is_held_out} {case!r}\n".encode("utf-8", "surrogatepass"))


def _rank(reference: str) -> bytes:
    return hashlib.blake2b(b"curve " + reference.encode("utf-8", "surrogatepass"), digest_size=8).digest()
