"""Learns a model from the products whose category a person has confirmed."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.additive import Leaves, Model, row_of_each
from daemon.workloads.categorization.model.calibration import Calibration, Signs
from daemon.workloads.categorization.model.examples import FOLDS, Examples, least_frequency, read_examples
from daemon.workloads.categorization.model.softmax import SoftmaxRegression
from daemon.workloads.categorization.model.vocabulary import FeatureMatrix
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Taxonomy

PASSES = 5
WEAKEST = 0.05  # weights nearer to zero are dropped
ENOUGH = 10_000  # products judged by several twins, where there are fewer
LEFT_OUT = 12  # one in so many categories is kept from a twin
LEAST_SHARE = 1e-26  # of the products, for a category that a twin does not know
LEAST, MOST = 10.0, 100.0  # confidence


class NothingToLearn(Exception):
    """There is no labelled product."""


class Judged(NamedTuple):
    """A held-out product, as decided by a twin that had not learned from it.

    confidence: in [10, 100]. unknown_share: of what was read of the product, the share the twin did not know.
    """

    product_id: int
    truth: str
    category_code: str
    confidence: float
    unknown_share: float
    unknown_manufacturer: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """A model, and how its twins did that had learned from all products but those judged.

    A shop of many products has one twin and a tenth of them is judged, a small one has up to ten, and all are. Which
    twin judges a product follows from its id alone, so two lessons of one shop judge the same ones. A few categories
    are kept from each twin, chosen by their codes; products of these are not among the judged.
    """

    model: Model
    judged: tuple[Judged, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What a twin said of products it had not learned from. `is_known`: whether it could know their category."""

    rows: NDArray[np.intp]
    picked: NDArray[np.intp]
    signs: Signs
    is_known: NDArray[np.bool_]
    unknown_shares: NDArray[np.float64]
    unknown_manufacturers: NDArray[np.bool_]


def learn(
    labelled: Iterable[tuple[Product, str]],
    sources: Sequence[EvidenceSource] = SOURCES,
    taxonomy: Taxonomy | None = None,
) -> Lesson:
    """The model of these products and their category codes, which are read once.

    The paths of the taxonomy make branches of the categories. The same products in the same order give the same model,
    bit for bit. Raises NothingToLearn for none.
    """
    examples = read_examples(labelled, sources, taxonomy or Taxonomy())
    products = len(examples.labels)
    if not products:
        raise NothingToLearn("no product has a confirmed category")
    twins = min(FOLDS, max(1, ENOUGH // products))
    verdicts = [found for twin in range(twins) if (found := _judge_by_twin(examples, twin)) is not None]
    calibration, judged = _calibrate(examples, verdicts)
    every = np.arange(products)
    return Lesson(_fit(examples, every, examples.features, calibration), judged)


def _judge_by_twin(examples: Examples, twin: int) -> Verdicts | None:
    """What a model says of its fold, and of all products of the categories it was kept from; None without any."""
    is_left_out = _choose_left_out(examples.tree.categories, twin)[examples.labels]
    is_held_out = examples.folds == twin
    rows = np.flatnonzero(is_held_out | is_left_out)
    learned = np.flatnonzero(~is_held_out & ~is_left_out)
    if not len(rows) or not len(learned):
        return None
    to_learn, lengths = examples.features.take(learned), examples.vocabulary.lengths
    known = _count(to_learn) >= least_frequency(len(learned))
    model = _fit(examples, learned, to_learn.know_only(known, lengths), Calibration())
    features = examples.features.take(rows).know_only(known, lengths)
    logarithms = model.weigh(features)
    picked = logarithms.argmax(axis=1)
    probabilities = np.exp(logarithms.max(axis=1).astype(np.float64))
    shares, manufacturers = model.novelty(features)
    _, is_familiar = model.look_up(features, picked)
    signs = model.signs(features, picked, probabilities, is_familiar)
    return Verdicts(rows, picked, signs, ~is_left_out[rows], shares, manufacturers)


def _choose_left_out(categories: Sequence[str], twin: int) -> NDArray[np.bool_]:
    """Which categories the twin is kept from: none of three, else a few, chosen by a hash of their codes."""
    chosen = np.zeros(len(categories), dtype=np.bool_)
    if len(categories) > 3:
        hashes = [zlib.crc32(code.encode("utf-8", "surrogatepass")) for code in categories]
        chosen[np.argsort(hashes, kind="stable")[twin::LEFT_OUT]] = True
    return chosen


def _calibrate(examples: Examples, verdicts: Sequence[Verdicts]) -> tuple[Calibration, tuple[Judged, ...]]:
    if not verdicts:
        return Calibration(), ()
    signs = Signs.of_all([found.signs for found in verdicts])
    rows, picked, is_known = (
        np.concatenate([getattr(found, name) for found in verdicts]) for name in ("rows", "picked", "is_known")
    )
    calibration = Calibration.fit(signs, picked == examples.labels[rows], is_known)
    confidence = np.clip(100 * calibration.apply(signs), LEAST, MOST).round(2)
    categories = examples.tree.categories
    shares = np.concatenate([found.unknown_shares for found in verdicts])
    manufacturers = np.concatenate([found.unknown_manufacturers for found in verdicts])
    judged = [
        Judged(product_id, categories[truth], categories[position], sure, share, is_new)
        for product_id, truth, position, sure, share, is_new in zip(
            *(
                values[is_known].tolist()
                for values in (examples.ids[rows], examples.labels[rows], picked, confidence, shares, manufacturers)
            ),
            strict=True,
        )
    ]
    return calibration, tuple(judged)


def _fit(examples: Examples, rows: NDArray[np.intp], features: FeatureMatrix, calibration: Calibration) -> Model:
    """The model learned from these rows of the examples, whose features are given."""
    tree, labels = examples.tree, examples.labels[rows]
    support = np.bincount(labels, minlength=len(tree.categories)).astype(np.int32)
    branches = tree.branch_of[labels]
    branch_support = np.bincount(branches, minlength=len(tree.branches))
    regression = _regress(features, branches, branch_support, examples.fields)
    tables = [
        _fit_leaves(features.take(members), labels[members] - first, support[first:last], examples.fields)
        for first, last, members in (
            (tree.starts[branch], tree.starts[branch + 1], np.flatnonzero(branches == branch))
            for branch in range(len(tree.branches))
        )
    ]
    return Model(
        tree=tree,
        vocabulary=examples.vocabulary,
        branch_prior=regression.prior,
        category_prior=np.concatenate(
            [_prior(support[first:last]) for first, last in zip(tree.starts[:-1], tree.starts[1:], strict=True)]
        ),
        support=support,
        branch_weights=_shorten(regression.weights),
        leaves=Leaves(
            rows=row_of_each([columns for columns, _, _ in tables], len(examples.vocabulary)),
            sizes=np.array([len(weights) for _, weights, _ in tables], dtype=np.int32),
            weights=np.concatenate([_shorten(weights).ravel() for _, weights, _ in tables]),
            seen=np.concatenate([seen.ravel() for _, _, seen in tables]),
        ),
        calibration=calibration,
    )


def _fit_leaves(
    features: FeatureMatrix, labels: NDArray[np.int32], support: NDArray[np.int32], fields: NDArray[np.intp]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
    """The columns seen in a branch, and its table of weights and of what was seen, with a row of zeros at the end."""
    matrix = features.matrix
    columns, places = np.unique(matrix.indices, return_inverse=True)
    shape = (matrix.shape[0], len(columns) + 1)
    narrow = sparse.csr_array((matrix.data, places.astype(np.int32), matrix.indptr), shape)
    seen = np.zeros((len(columns) + 1, len(support)), dtype=np.bool_)
    seen[places, labels[features.rows]] = True
    if len(support) == 1:
        return columns, np.zeros(seen.shape, dtype=np.float32), seen
    within = FeatureMatrix(narrow, features.rows, features.sources, features.seen)
    return columns, _regress(within, labels, support, fields).weights, seen


def _regress(
    features: FeatureMatrix,
    labels: NDArray[np.int32],
    support: NDArray[np.signedinteger[Any]],
    fields: NDArray[np.intp],
) -> SoftmaxRegression:
    regression = SoftmaxRegression(int(features.matrix.shape[1]), _prior(support))
    for _ in range(PASSES):
        regression.learn(features, labels, fields)
    return regression


def _prior(support: NDArray[np.signedinteger[Any]]) -> NDArray[np.float32]:
    """The score of each category before anything is seen.

    From the root of its share: what sold before is a weak hint.
    """
    shares = support / max(1, support.sum())
    scores: NDArray[np.float32] = np.log(np.sqrt(np.maximum(shares, LEAST_SHARE))).astype(np.float32)
    return scores


def _shorten(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the weights that say next to nothing, in half precision: as they are stored."""
    return np.where(np.abs(weights) >= WEAKEST, weights, np.float32(0)).astype(np.float16).astype(np.float32)


def _count(features: FeatureMatrix) -> NDArray[np.intp]:
    """In how many products each feature is."""
    counts: NDArray[np.intp] = np.bincount(features.matrix.indices, minlength=int(features.matrix.shape[1]))
    return counts
