"""One experiment from its products to what is kept and shown of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic

from psycopg import Connection

from daemon.workloads.categorization.experiments import store
from daemon.workloads.categorization.experiments.catalogue import read_catalogue
from daemon.workloads.categorization.experiments.comparison import Comparison, compare
from daemon.workloads.categorization.experiments.experiment import (
    CurvePoint,
    Result,
    Setup,
    Trial,
    fold_of,
    judge_again,
    learn_and_judge,
    learning_curve,
    measure,
)
from daemon.workloads.categorization.experiments.metrics import Metrics
from daemon.workloads.categorization.experiments.store import Earlier, Experiment
from daemon.workloads.categorization.store import read_model, read_taxonomy
from daemon.workloads.categorization.taxonomy import Taxonomy


class SetupRefused(Exception):
    """The experiment cannot be made as it was chosen."""


class NothingToJudge(Exception):
    """There is no product of which people have said what it is."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was found. `comparison` is None where nothing was compared, or no product was judged by both."""

    kind: str
    setup: Setup
    catalogue: str | None
    model_version: int | None
    taxonomy: Taxonomy
    trial: Trial
    metrics: Metrics
    curve: tuple[CurvePoint, ...]
    duration: timedelta

    @property
    def settings(self) -> dict[str, object]:
        """What was chosen, as it is kept: experiments with equal settings are one series."""
        chosen: dict[str, object] = {
            "fields": self.setup.fields,
            "without": sorted(self.setup.without),
            "threshold": self.setup.threshold,
            "folds": self.setup.folds,
        }
        return chosen if self.catalogue is None else {**chosen, "catalogue": self.catalogue}

    def to_experiment(self, comparison: Mapping[str, object] | None, note: str | None) -> Experiment:
        """As it is stored."""
        found: dict[str, object] = asdict(self.metrics)
        if self.curve:
            found["curve"] = [point._asdict() for point in self.curve]
        if comparison is not None:
            found["comparison"] = comparison
        return Experiment(
            kind=self.kind,
            settings=self.settings,
            model_version=self.model_version,
            trial=self.trial,
            metrics=found,
            duration=self.duration,
            note=note,
        )


def evaluate_catalogue(path: Path, setup: Setup, with_curve: bool = False) -> Evaluated:
    """Learn from a part of a file and predict the rest. Raises FileRefused, or SetupRefused for folds."""
    began = monotonic()
    catalogue = read_catalogue(path)
    if catalogue.held_out is not None and setup.folds > 1:
        raise SetupRefused("the file's column split says what is held out: there is one fold")
    trial = learn_and_judge(lambda: catalogue.cases, catalogue.is_held_out, catalogue.taxonomy, setup)
    found = measure(trial.results, setup.threshold)
    curve: list[CurvePoint] = []
    if with_curve:
        curve = learning_curve(lambda: catalogue.cases, catalogue.is_held_out, catalogue.taxonomy, setup)
        curve.append(_last_point(trial, found))
    return Evaluated(
        kind="catalogue",
        setup=setup,
        catalogue=path.name,
        model_version=None,
        taxonomy=catalogue.taxonomy,
        trial=trial,
        metrics=found,
        curve=tuple(curve),
        duration=_since(began),
    )


def evaluate_shop(conn: Connection, setup: Setup, with_curve: bool = False) -> Evaluated:
    """Learn from a part of the shop's products and predict the rest. Raises NothingToLearn or NothingToJudge."""
    began = monotonic()
    taxonomy = read_taxonomy(conn)
    trial = learn_and_judge(
        lambda: store.read_shop(conn), lambda case, fold: fold_of(case.reference) == fold, taxonomy, setup
    )
    if not trial.results:
        raise NothingToJudge("too few products have a category to hold some of them out")
    found = measure(trial.results, setup.threshold)
    curve: list[CurvePoint] = []
    if with_curve:
        curve = learning_curve(
            lambda: store.read_shop(conn), lambda case, fold: fold_of(case.reference) == fold, taxonomy, setup
        )
        curve.append(_last_point(trial, found))
    return Evaluated(
        kind="shop",
        setup=setup,
        catalogue=None,
        model_version=None,
        taxonomy=taxonomy,
        trial=trial,
        metrics=found,
        curve=tuple(curve),
        duration=_since(began),
    )


def evaluate_model(conn: Connection, version: int, setup: Setup) -> Evaluated:
    """Have a stored model decide again what people decided since it was learned.

    Raises NoSuchExperiment for an unknown version, SetupRefused for a model that cannot be read, NothingToJudge where
    people have decided nothing since.
    """
    began = monotonic()
    learned_at = store.read_learned_at(conn, version)
    taxonomy = read_taxonomy(conn)
    cases = store.read_decided(conn, learned_at, taxonomy)
    if not cases:
        raise NothingToJudge(f"people have decided nothing since model {version} was learned")
    try:
        model = read_model(conn, version)
    except ValueError as error:
        raise SetupRefused(f"model {version} cannot be read: {error}") from error
    trial = judge_again(model, taxonomy, cases, setup)
    return Evaluated(
        kind="decisions",
        setup=setup,
        catalogue=None,
        model_version=version,
        taxonomy=taxonomy,
        trial=trial,
        metrics=measure(trial.results, setup.threshold),
        curve=(),
        duration=_since(began),
    )


def compare_with(earlier: Earlier, results: Sequence[Result]) -> Comparison | None:
    """The earlier experiment as a, this one as b, on the products that both judged; None where there is none."""
    both = [
        (earlier.rights[result.reference], result.is_correct)
        for result in results
        if result.is_correct is not None and result.reference in earlier.rights
    ]
    return compare([a for a, _ in both], [b for _, b in both]) if both else None


def _last_point(trial: Trial, found: Metrics) -> CurvePoint:
    return CurvePoint(trial.learned, found.top1, found.coverage, found.precision)


def _since(began: float) -> timedelta:
    return timedelta(seconds=monotonic() - began)
