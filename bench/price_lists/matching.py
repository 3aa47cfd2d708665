"""How good the matching is on lists whose true matches are known, beside what is to be reached; no database is needed.

    python -m bench.price_lists.matching DIR [--catalogue path.csv.gz] [--held-out] [--list]

DIR holds supplier_items.csv.gz (with a column `split`: train, test), products.csv.gz and truth.csv.gz. The weights are
those that catalogd is shipped with; the threshold for F1 is chosen on the train half; everything else is measured on
the test half. With a catalogue (the columns that `catalogd import --help` names) hard lists made from it, and from an
invented shop, are measured too: other products and other chances than the weights were learned from. With --held-out
weights are learned anew for each list without it and everything made like it, and measured on it.
"""

from __future__ import annotations

import argparse
import gc
import platform
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from bench.figures import Figure, print_table
from bench.price_lists import learning
from bench.price_lists.hard_lists import HardList, make_hard_list
from bench.price_lists.invented import make_shop
from bench.price_lists.known import Known, Ruling, is_right, read_known, rule
from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.candidates import find_candidates
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.match import Match
from daemon.workloads.price_lists.matching.matching import match
from daemon.workloads.price_lists.matching.scorer import Scorer, shipped_scorer
from daemon.workloads.price_lists.matching.text import compact
from daemon.workloads.price_lists.product import CatalogueProduct

SLICE = 500  # lines
SEED = 2  # of the hard lists that are measured; those learned from have another
F1, PRECISION, RECALL, SPEED = 0.73, 0.97, 0.99, 2_000.0
COUNTED: Mapping[Ruling, str] = {
    "truth": "the truth names it",
    "columns": "not in the truth; same brand and same part number, both in their columns: counted as right",
    "name": "not in the truth; the same brand and part number, but one of them stands in a name, not in its column:"
    " counted as right in the wider figure only",
    "wrong": "neither: counted as wrong",
}


@dataclass(frozen=True, slots=True)
class Quality:
    f1: float
    precision: float
    recall: float


def match_all(lines: Sequence[Line], catalogue: Catalogue, scorer: Scorer) -> list[Match]:
    return [found for at in range(0, len(lines), SLICE) for found in match(lines[at : at + SLICE], catalogue, scorer)]


def measure_links(matches: Sequence[Match], truth: Mapping[int, int | None], threshold: float) -> Quality:
    """Of the best candidate of each line, where its score reaches the threshold."""
    links = [found for found in matches if found.candidates and found.score >= threshold]
    right = sum(truth.get(found.number) == found.candidates[0].product_id for found in links)
    there = sum(truth.get(found.number) is not None for found in matches)
    precision, recall = right / max(1, len(links)), right / max(1, there)
    return Quality(2 * right / max(1, len(links) + there), precision, recall)


def choose_threshold(matches: Sequence[Match], truth: Mapping[int, int | None]) -> float:
    scores = sorted({found.score for found in matches if found.candidates})
    return max(scores, key=lambda score: (measure_links(matches, truth, score).f1, score), default=100.0)


def candidate_recall(lines: Sequence[Line], catalogue: Catalogue, truth: Mapping[int, int | None]) -> float:
    """Share of the true matches that are among the candidates handed to scoring."""
    pairs = find_candidates(catalogue.read(lines), catalogue)
    found = sum(
        truth.get(lines[row].number) == product_id
        for row, product_id in zip(pairs.lines.tolist(), catalogue.ids[pairs.products].tolist(), strict=True)
    )
    return found / max(1, sum(truth.get(line.number) is not None for line in lines))


def measure_known(known: Known, scorer: Scorer, *, shows: bool) -> list[Figure]:
    catalogue, build, memory = build_catalogue(known.products)
    test = known.lines("test")
    threshold = choose_threshold(match_all(known.lines("train"), catalogue, scorer), known.truth)
    matches = match_all(test, catalogue, scorer)
    quality = measure_links(matches, known.truth, threshold)
    recall = candidate_recall(test, catalogue, known.truth)
    lines = {line.number: line for line in test}
    by_id = {product.product_id: product for product in known.products}
    linked = [found for found in matches if found.product_id is not None]
    rulings = {
        found.number: rule(lines[found.number], by_id[found.product_id], known.truth)
        for found in linked
        if found.product_id is not None
    }
    counts = Counter(rulings.values())
    strict = (counts["truth"] + counts["columns"]) / max(1, len(linked))
    wide = strict + counts["name"] / max(1, len(linked))
    print_rulings(linked, rulings, lines, by_id)
    print_left_out(known, test, matches, shows=shows)
    rate, busy = measure_speed(known.all_lines, catalogue, scorer)
    statuses = Counter(found.status for found in matches)
    count = len(linked)
    return [
        Figure(
            f"F1 of the best link, test half (threshold {threshold:.0f}, of the train half)",
            f"{F1}",
            f"{quality.f1:.3f} (precision {quality.precision:.3f}, recall {quality.recall:.3f})",
            quality.f1 >= F1,
        ),
        Figure(
            "precision at 95 and above, brand and part number by column",
            f"{PRECISION}",
            f"{strict:.4f} of {count}",
            strict >= PRECISION,
        ),
        Figure("the same, part numbers in names too", f"{PRECISION}", f"{wide:.4f} of {count}", wide >= PRECISION),
        Figure("the same, by the truth alone", "", f"{counts['truth'] / max(1, count):.4f}", None),
        Figure("truth among the candidates, test half", f"{RECALL}", f"{recall:.4f}", recall >= RECALL),
        Figure("linked, review, draft", "", ", ".join(str(statuses[s]) for s in ("linked", "review", "draft")), None),
        Figure(
            f"lines/s, match alone, {len(catalogue):,} products",
            f"{SPEED:,.0f}",
            f"{rate:,.0f} ({busy:,.0f} per CPU second)",
            rate >= SPEED,
        ),
        Figure("the index: seconds, bytes for a product", "", f"{build:.1f} s, {memory:,.0f}", None),
    ]


def measure_hard(name: str, hard: HardList, scorer: Scorer) -> list[Figure]:
    catalogue = Catalogue(hard.products)
    half = len(hard.lines) // 2
    threshold = choose_threshold(match_all(hard.lines[:half], catalogue, scorer), hard.truth)
    rest = hard.lines[half:]
    matches = match_all(rest, catalogue, scorer)
    quality = measure_links(matches, hard.truth, threshold)
    linked = [found for found in matches if found.product_id is not None]
    right = sum(found.product_id == hard.truth[found.number] for found in linked)
    precision = right / max(1, len(linked))
    recall = candidate_recall(rest, catalogue, hard.truth)
    there = sum(hard.truth[line.number] is not None for line in rest)
    return [
        Figure(f"{name}: F1 of the best link", "", f"{quality.f1:.3f}", None),
        Figure(
            f"{name}: precision at 95 and above",
            f"{PRECISION}",
            f"{precision:.4f} of {len(linked)} (there are {there})",
            precision >= PRECISION,
        ),
        Figure(f"{name}: truth among the candidates", "", f"{recall:.4f}", None),
    ]


def measure_held_out(directory: Path, path: Path) -> list[Figure]:
    """Each list by weights that were learned without it."""
    lessons = learning.teachers(directory, path)
    known = read_known(directory)
    figures = []
    for held in lessons:
        scorer = learning.learn([lesson for name, taught in lessons.items() if name != held for lesson in taught])
        if held == "known":
            figures += [
                Figure(f"without it: {each.name}", each.wanted, each.measured, each.is_reached)
                for each in measure_known(known, scorer, shows=False)[:4]
            ]
        else:
            figures += measure_hard(f"without it: {held}", HARD[held](path), scorer)
    return figures


HARD: Mapping[str, Callable[[Path], HardList]] = {
    "parts": lambda path: learning.hard_list_of(path, seed=SEED),
    "invented": lambda _: make_hard_list(make_shop(8_000, seed=SEED), learning.LINES, seed=SEED),
}


def build_catalogue(products: Sequence[CatalogueProduct]) -> tuple[Catalogue, float, float]:
    """With the seconds it took and the bytes that the process has grown by for a product."""
    gc.collect()
    before, began = resident(), process_time()
    catalogue = Catalogue(products)
    took = process_time() - began
    gc.collect()
    return catalogue, took, (resident() - before) / len(products)


def resident() -> int:
    """Bytes of this process in memory."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def measure_speed(lines: Sequence[Line], catalogue: Catalogue, scorer: Scorer) -> tuple[float, float]:
    """Lines per second of the clock and of the processor, the best of three."""
    rates = []
    for _ in range(3):
        began, worked = perf_counter(), process_time()
        match_all(lines, catalogue, scorer)
        rates.append((len(lines) / (perf_counter() - began), len(lines) / (process_time() - worked)))
    return max(rates)


def print_rulings(
    linked: Sequence[Match],
    rulings: Mapping[int, Ruling],
    lines: Mapping[int, Line],
    by_id: Mapping[int, CatalogueProduct],
) -> None:
    for ruling in COUNTED:
        found = [each for each in linked if rulings[each.number] == ruling]
        print(f"\n{len(found)} linked: {COUNTED[ruling]}")
        if ruling != "truth":
            for each in found:
                print(f"  {each.score:.2f} {_tell(lines[each.number])}")
                print(f"        {_tell(by_id[each.product_id or 0])}")


def print_left_out(known: Known, test: Sequence[Line], matches: Sequence[Match], *, shows: bool) -> None:
    """Lines without a match in the truth that have a product of the same brand and part number, and are not linked."""
    by_code: dict[str, list[CatalogueProduct]] = defaultdict(list)
    for product in known.products:
        by_code[compact(product.part_number)].append(product)
    left = []
    for line, found in zip(test, matches, strict=True):
        twins = [twin for twin in by_code[compact(line.part_number)] if is_right(line, twin)]
        if line.number not in known.truth and twins and found.product_id is None:
            left.append((line, found, twins[0]))
    print(f"\n{len(left)} lines that the truth leaves out have such a product, and are not linked by themselves")
    if shows:
        for line, found, twin in left:
            vetoes = ", ".join(found.candidates[0].vetoes) if found.candidates else ""
            print(f"  {found.score:.2f} {found.status} {vetoes} {_tell(line)}\n        {_tell(twin)}")


def _tell(thing: Line | CatalogueProduct) -> str:
    return " | ".join([thing.name, thing.manufacturer or "-", thing.part_number or "-", str(thing.price or "-")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--held-out", action="store_true", help="learn without each list in turn; needs --catalogue")
    parser.add_argument("--list", action="store_true", help="list what was left out, too")
    options = parser.parse_args()
    scorer = shipped_scorer()
    figures = measure_known(read_known(options.directory), scorer, shows=options.list)
    if options.catalogue:
        for name, make in HARD.items():
            figures += measure_hard(name, make(options.catalogue), scorer)
        if options.held_out:
            figures += measure_held_out(options.directory, options.catalogue)
    print_table(figures)
    print(f"\n{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
