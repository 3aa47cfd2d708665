"""Learns the weights that the scorer is shipped with: from half of a list with known matches, and from hard lists.

    python -m bench.price_lists.learning MATCHING_DIR CATALOGUE.csv.gz [--write]

MATCHING_DIR holds supplier_items.csv.gz, products.csv.gz, truth.csv.gz; of its lines those with split "train" alone are
looked at. CATALOGUE has the columns that `catalogd import --help` names. The third teacher is an invented shop.

Each list is learned from several times, with columns hidden that suppliers leave out, so that no weight leans on one of
them. Each teacher counts the same, however many lines it has.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from bench.price_lists.hard_lists import HardList, make_hard_list
from bench.price_lists.invented import make_shop
from bench.price_lists.known import is_right, read_catalogue, read_known
from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.candidates import Pairs, find_candidates
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.features import FEATURES, LEAD, NAMES, compute_features
from daemon.workloads.price_lists.matching.scorer import Scorer
from daemon.workloads.price_lists.product import CatalogueProduct

LINES = 2_000  # of each hard list
PRODUCTS = 22_000  # of the catalogue
RIDGE = 1.0
CAUTION = 1.0  # log-odds that a list nobody learned from is believed less
ROUNDS = 8  # the lead depends on the weights, and they on it
SIGNS = [feature.sign for feature in FEATURES]
WEIGHTS = Path("daemon/workloads/price_lists/matching/weights.toml")


@dataclass(frozen=True, slots=True)
class Lesson:
    """Pairs of one list, as it is or with columns hidden, and which of them are the same."""

    name: str
    pairs: Pairs
    values: NDArray[np.float64]
    is_same: NDArray[np.bool_]
    importance: float  # of each pair


Hide = Callable[[Line], Line]


def _in_name(line: Line) -> Line:
    name = " ".join(filter(None, (line.manufacturer, line.part_number, line.name)))
    return replace(line, name=name, manufacturer=None, part_number=None)


HIDDEN: Mapping[str, tuple[Hide, Callable[[CatalogueProduct], CatalogueProduct]]] = {
    "whole": (lambda line: line, lambda product: product),
    "no part number": (lambda line: replace(line, part_number=None), lambda product: product),
    "no maker": (lambda line: replace(line, manufacturer=None), lambda product: product),
    "all in the name": (_in_name, lambda product: product),
    "all in both names": (_in_name, lambda product: replace(product, part_number=None, manufacturer=None)),
    "names only": (
        lambda line: replace(line, part_number=None, manufacturer=None, price=None, barcode=None),
        lambda product: replace(product, part_number=None, manufacturer=None, price=None, barcode=None),
    ),
}


def make_lessons(
    name: str,
    products: Sequence[CatalogueProduct],
    lines: Sequence[Line],
    truth: Mapping[int, int | None],
    is_same: Callable[[Line, CatalogueProduct], bool] | None = None,
) -> list[Lesson]:
    by_id = {product.product_id: product for product in products}
    lessons = []
    for what, (hide_line, hide_product) in HIDDEN.items():
        catalogue = Catalogue(map(hide_product, products))
        reading = catalogue.read([hide_line(line) for line in lines])
        pairs = find_candidates(reading, catalogue)
        found = catalogue.ids[pairs.products].tolist()
        same = np.array(
            [
                truth.get(lines[row].number) == product_id
                or (is_same is not None and is_same(lines[row], by_id[product_id]))
                for row, product_id in zip(pairs.lines.tolist(), found, strict=True)
            ]
        )
        values = compute_features(reading, catalogue, pairs).values
        lessons.append(Lesson(f"{name}, {what}", pairs, values, same, LINES / len(lines)))
    return lessons


def learn(lessons: Sequence[Lesson]) -> Scorer:
    """First the weights under which the decisions on all pairs are most likely, held near 0 by RIDGE; then, on the best
    candidate of each line alone, how far they can be believed and what the lead adds."""
    same = np.concatenate([lesson.is_same for lesson in lessons])
    importance = np.concatenate([np.full(len(lesson.is_same), lesson.importance) for lesson in lessons])
    values = np.concatenate([lesson.values for lesson in lessons])
    base = _fit(values, same, importance, SIGNS)
    scale, lead = 1.0, 0.0
    for _ in range(ROUNDS):  # the lead depends on the scale, and the scale on it
        scorer = Scorer(base.weights * scale, 0.0)
        signs, right, force = [], [], []
        for lesson in lessons:
            matrix = lesson.values.copy()
            alone = scorer.score(matrix, lesson.pairs.lines) / scale
            best = _best(alone, lesson.pairs.lines)
            signs.append(np.column_stack([alone, matrix[:, LEAD]])[best])
            right.append(lesson.is_same[best])
            force.append(np.full(len(best), lesson.importance))
        belief = _fit(np.concatenate(signs), np.concatenate(right), np.concatenate(force), [1, 1])
        scale, lead = belief.weights.tolist()
    weights = base.weights * scale
    weights[LEAD] = lead
    return Scorer(weights, belief.offset - CAUTION)


def _best(scores: NDArray[np.float64], lines: NDArray[np.intp]) -> NDArray[np.intp]:
    """The place of each line's best pair."""
    order = np.lexsort((-scores, lines))
    return order[np.concatenate(([True], lines[order][1:] != lines[order][:-1]))]


def _fit(
    values: NDArray[np.float64], same: NDArray[np.bool_], importance: NDArray[np.float64], signs: Sequence[int]
) -> Scorer:
    side = np.where(same, 1.0, -1.0)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        agreement = side * (values @ parameters[1:] + parameters[0])
        slope = -importance * side * np.exp(-np.logaddexp(0, agreement))
        gradient = np.concatenate(([slope.sum()], values.T @ slope + RIDGE * parameters[1:]))
        total = importance @ np.logaddexp(0, -agreement) + RIDGE / 2 * parameters[1:] @ parameters[1:]
        return float(total), gradient

    bounds = [(None, None), *((0, None) if sign > 0 else (None, 0) for sign in signs)]
    start = np.zeros(len(bounds))
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000}).x
    return Scorer(best[1:], float(best[0]))


def hard_list_of(path: Path, seed: int) -> HardList:
    """A hard list made from a part of a catalogue file; other seeds take other products."""
    products = random.Random(seed).sample(read_catalogue(path), PRODUCTS)
    return make_hard_list(products, LINES, seed)


def teachers(directory: Path, catalogue: Path) -> dict[str, list[Lesson]]:
    known = read_known(directory)
    parts, shop = hard_list_of(catalogue, seed=1), make_hard_list(make_shop(8_000, seed=1), LINES, seed=1)
    return {
        "known": make_lessons("known", known.products, known.lines("train"), known.truth, is_right),
        "parts": make_lessons("parts", parts.products, parts.lines, parts.truth),
        "invented": make_lessons("invented", shop.products, shop.lines, shop.truth),
    }


def as_toml(scorer: Scorer) -> str:
    lines = [
        "# What each feature adds to the log-odds that a line and a product are the same, at a value of 1.",
        "# Learned, not set: python -m bench.price_lists.learning MATCHING_DIR CATALOGUE.csv.gz --write (ADR 23).",
        f"offset = {scorer.offset:.4f}",
        "",
        "[weights]",
        *(f"{name} = {weight:.4f}" for name, weight in zip(NAMES, scorer.weights.tolist(), strict=True)),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {WEIGHTS}")
    options = parser.parse_args()
    lessons = teachers(options.directory, options.catalogue)
    text = as_toml(learn([lesson for taught in lessons.values() for lesson in taught]))
    print(text)
    if options.write:
        WEIGHTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
