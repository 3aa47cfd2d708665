"""Learns a model from the products whose category a person has confirmed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.calibration import Calibration
from daemon.workloads.categorization.model.examples import Examples, read_examples
from daemon.workloads.categorization.model.softmax import SoftmaxRegression, softmax
from daemon.workloads.categorization.product import Product

PASSES = 5
HELD_OUT = 0  # the fold that calibrates
WEAKEST = 0.1  # weights nearer to zero are dropped


class NothingToLearn(Exception):
    """There is no labelled product."""


class Judged(NamedTuple):
    """A held-out product, as decided by a model that had not learned from it. `confidence` is in [10, 100]."""

    product_id: int
    truth: str
    category_code: str
    confidence: float
    unknown_share: float = 0.0
    unknown_manufacturer: bool = False


@dataclass(frozen=True, slots=True)
class Lesson:
    """A model, and how its twin did that had learned from all products but those judged.

    Which products are held out follows from their ids alone, so two lessons of one shop judge the same ones.
    """

    model: Model
    judged: tuple[Judged, ...]


def learn(labelled: Iterable[tuple[Product, str]], sources: Sequence[EvidenceSource] = SOURCES) -> Lesson:
    """The model of these products and their category codes, which are read once.

    The same products in the same order give the same model, bit for bit. Raises NothingToLearn for none.
    A tenth of the products, chosen by id, is held out until the model is calibrated on it, and learned last.
    """
    examples = read_examples(labelled, sources)
    if not len(examples.labels):
        raise NothingToLearn("no product has a confirmed category")
    held_out = examples.folds == HELD_OUT
    learned, judged = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    shares = np.bincount(examples.labels) / len(examples.labels)
    prior = np.log(np.sqrt(shares)).astype(np.float32)  # the root: what sold before is a weak hint
    regression = SoftmaxRegression(len(examples.vocabulary), prior)
    for _ in range(PASSES):
        regression.learn(examples.features, examples.labels, learned)
    calibration = calibrate(regression, examples, judged)
    verdicts = _judge(regression, examples, judged, calibration)
    regression.learn(examples.features, examples.labels, judged)
    model = Model(
        categories=examples.categories,
        prior=prior,
        vocabulary=examples.vocabulary,
        weights=regression.prune(WEAKEST),
        calibration=calibration,
    )
    return Lesson(model, verdicts)


def _judge(
    regression: SoftmaxRegression, examples: Examples, rows: NDArray[np.intp], calibration: Calibration
) -> tuple[Judged, ...]:
    scores = regression.score(examples.features.matrix[rows])
    picked = scores.argmax(axis=1)
    shares = softmax(scores).max(axis=1).astype(np.float64)
    confidence = np.clip(100 * calibration.apply(shares), 10, 100).round(2)
    return tuple(
        Judged(product_id, examples.categories[truth], examples.categories[position], sure)
        for product_id, truth, position, sure in zip(
            examples.ids[rows].tolist(),
            examples.labels[rows].tolist(),
            picked.tolist(),
            confidence.tolist(),
            strict=True,
        )
    )


def calibrate(regression: SoftmaxRegression, examples: Examples, rows: NDArray[np.intp]) -> Calibration:
    """The calibration found on these rows, which the regression must not have learned from."""
    shares = softmax(regression.score(examples.features.matrix[rows]))
    right = shares.argmax(axis=1) == examples.labels[rows]
    return Calibration.fit(shares.max(axis=1).astype(np.float64), right)
