"""How good the predictions are on a catalogue, beside what is to be reached, with pictures: no database is needed.

    make evaluate CATALOGUE=path.csv.gz [PLOTS=dir] [ARGS="--quick --json figures.json"]
    make evaluate CATALOGUE=path.csv.gz ARGS="--document docs"    (writes docs/predictions.md and its pictures, too)
    python -m bench.evaluate --render docs/predictions.json --document docs    (the same again, measuring nothing)

The file has the columns that `catalogd import --help` names, and should have a column `split` (train, dev); without it
a fifth of the products is held out. "Names" is a model learned from name, manufacturer and part number, and applied to
them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import daemon
from bench.figures import Figure, print_table
from bench.lesson import is_in_part, measure_lesson
from bench.predictions import document, pictures, views
from bench.predictions.examples import make_examples
from bench.shop import say
from bench.strange import empty_names, foreign_names, random_text
from daemon.stand_in.catalogue_file import FileRefused
from daemon.workloads.categorization.decision import THRESHOLD
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.experiments import metrics
from daemon.workloads.categorization.experiments.catalogue import Catalogue, read_catalogue
from daemon.workloads.categorization.experiments.comparison import compare
from daemon.workloads.categorization.experiments.experiment import (
    CURVE,
    Case,
    CurvePoint,
    Fields,
    Result,
    Setup,
    judge,
    learning_curve,
    measure,
    restrict,
)
from daemon.workloads.categorization.experiments.metrics import Metrics
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.learning import learn
from daemon.workloads.categorization.model.storage import to_bytes
from daemon.workloads.categorization.product import Product

FEW = 1_000  # products learned from, where only few are there
LEFT_OUT = 30  # categories
SEED = 20260521


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    part: float  # of the products that are learned from
    draws: int  # of FEW products
    leave_outs: int  # of LEFT_OUT categories
    curve: Sequence[int]
    has_ablation: bool


@dataclass(slots=True)
class Shop:
    """A catalogue, cut into what is learned from and what is judged."""

    catalogue: Catalogue
    learned: list[Case]
    judged: list[Case]

    @classmethod
    def read(cls, path: Path, part: float) -> Shop:
        catalogue = read_catalogue(path)
        judged = [case for case in catalogue.cases if catalogue.is_held_out(case, 0)]
        rest = (case for case in catalogue.cases if not catalogue.is_held_out(case, 0))
        return cls(catalogue, [case for case in rest if is_in_part(case.product.id, part)], judged)

    def learn(
        self, fields: Fields = "all", without: tuple[str, ...] = (), cases: Iterable[Case] | None = None
    ) -> Model:
        pairs = (
            (restrict(case.product, fields), str(case.truth)) for case in (self.learned if cases is None else cases)
        )
        return learn(pairs, Setup(without=without).sources, self.catalogue.taxonomy).model

    def judge(self, model: Model, fields: Fields = "all", cases: Iterable[Case] | None = None) -> list[Result]:
        return list(judge(model, self.catalogue.taxonomy, self.judged if cases is None else cases, Setup(fields)))

    def confidences(self, model: Model, products: Iterable[Product]) -> list[float]:
        cases = [Case(str(product.id), product, None) for product in products]
        return [result.confidence for result in self.judge(model, cases=cases)]

    def sure_share(self, model: Model, products: Iterable[Product]) -> float:
        """The share of these products that are predicted at or above the threshold."""
        return views.share_above(self.confidences(model, products), THRESHOLD)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path, nargs="?")
    parser.add_argument(
        "--quick", action="store_true", help="learn from a tenth of the products; the shape, not the figures"
    )
    parser.add_argument(
        "--no-ablation", action="store_true", help="leave out what each source is worth: a lesson for each"
    )
    parser.add_argument("--plots", type=Path, default=Path("build"), metavar="DIR", help="where the pictures go")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--document", type=Path, metavar="DIR", help="write predictions.md there, with all it shows")
    parser.add_argument("--render", type=Path, metavar="FILE", help="measure nothing: use the figures of this file")
    options = parser.parse_args()
    if (options.catalogue is None) == (options.render is None):
        parser.error("a catalogue is wanted, or --render")
    if options.render is not None:
        found = json.loads(options.render.read_text(encoding="utf-8"))
    else:
        found = measure_catalogue(parser, options)
    if options.json is not None:
        write_json(options.json, found)
    if options.document is not None:
        publish(found, options.document)
    return 0


def measure_catalogue(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, object]:
    """Everything, with the pictures; what cannot be a catalogue ends the program."""
    extent = (
        Extent(0.1, 2, 1, CURVE[:2], not options.no_ablation)
        if options.quick
        else Extent(1.0, 5, 3, CURVE, not options.no_ablation)
    )
    try:
        found = measure_all(options.catalogue, extent, options.plots)
    except FileRefused as error:
        parser.error(str(error))
    return {"about": about(options.catalogue), **found, "examples": make_examples()}


def about(catalogue: Path) -> dict[str, str]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()}",
        "catalogd": f"{daemon.__version__} on Python {platform.python_version()}",
        "catalogue": catalogue.name,
    }


def publish(found: dict[str, object], directory: Path) -> None:
    """The document, its pictures, and what both are made of."""
    found = {
        **json.loads(json.dumps(found)),
        "confused": [],
    }  # the names of somebody's categories are not for a document
    write_json(directory / "predictions.json", found)
    drawn = pictures.write_svg(found, directory)
    (directory / "predictions.md").write_text(document.write(found), encoding="utf-8")
    say(f"{directory}/predictions.md, with {len(drawn)} pictures")


def write_json(file: Path, found: dict[str, object]) -> None:
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def measure_all(path: Path, extent: Extent, plots: Path) -> dict[str, object]:
    """Print the tables, write the pictures, and return every figure."""
    shop = Shop.read(path, extent.part)
    say(f"{len(shop.learned):,} products to learn from, {len(shop.judged):,} to judge")
    model = shop.learn()
    results = shop.judge(model)
    everything = measure(results)
    say(f"all fields: top-1 {everything.top1:.4f}")
    named = measure(shop.judge(shop.learn("names"), "names"))
    say(f"names: top-1 {named.top1:.4f}")
    only_names = measure(shop.judge(model, "names"))
    few = measure_few(shop, extent.draws)
    left_out = min(LEFT_OUT, len({case.truth for case in shop.learned}) // 3)
    strangers = measure_unseen(shop, extent.leave_outs, left_out)
    unseen = [views.share_above(each, THRESHOLD) for each in strangers]
    strange = {
        "random text": shop.sure_share(model, random_text(1_000, SEED)),
        "empty names": shop.sure_share(model, empty_names()),
        "foreign names": shop.sure_share(model, foreign_names()),
    }
    lesson = measure_lesson(path, extent.part)
    is_same = lesson["digest"] == hashlib.sha256(to_bytes(model)).hexdigest()
    curve = [
        *learning_curve(lambda: (*shop.learned, *shop.judged), shop.catalogue.is_held_out, shop.catalogue.taxonomy,
                        Setup(), extent.curve),
        CurvePoint(len(shop.learned), everything.top1, everything.coverage, everything.precision),
    ]  # fmt: skip
    figures = [
        *accuracy(named, everything),
        Figure("top-1, learned from all fields, of products with names alone", "", decimals(only_names.top1), None),
        *reserve(min(FEW, len(shop.learned)), few, left_out, unseen, strange),
        *costs(lesson, is_same),
    ]
    print_table(figures)
    worth = measure_worth(shop, results) if extent.has_ablation else []
    sure, right = sure_and_right(results)
    found: dict[str, object] = {
        "learned": len(shop.learned),
        "judged": len(shop.judged),
        "categories": len(shop.catalogue.taxonomy),
        "part": extent.part,
        "figures": [asdict(figure) for figure in figures],
        "all": asdict(everything),
        "names": asdict(named),
        "names_by_a_model_of_all": asdict(only_names),
        "few": [asdict(each) for each in few],
        "unseen": unseen,
        "strange": strange,
        "lesson": {**lesson, "is_same": is_same},
        "curve": [point._asdict() for point in curve],
        "worth": worth,
        "reliability": [each._asdict() for each in metrics.reliability(sure, right)],
        "around": views.around(sure, right),
        "levels": views.by_level(sure, right, THRESHOLD),
        "thresholds": views.by_threshold(sure, right, strangers),
        "coverage": [each._asdict() for each in views.thin_curve(sure, right, THRESHOLD)],
        "confused": [each._asdict() for each in most_confused(results)],
    }
    pictures.write_all(json.loads(json.dumps(found)), plots)
    say(f"pictures: {plots}/predictions-*.svg and .png")
    return found


def accuracy(named: Metrics, everything: Metrics) -> list[Figure]:
    coverage, precision = everything.coverage or 0, everything.precision or 0
    return [
        reached("top-1, names", named.top1, 0.935),
        reached("top-1, all", everything.top1, 0.965),
        reached("macro F1, names", named.macro_f1, 0.890),
        reached("macro F1, all", everything.macro_f1, 0.930),
        Figure(
            "share of products at confidence >= 90, and precision there, all",
            ">= 0.94 at >= 0.99",
            f"{coverage:.3f} at {precision:.4f}",
            coverage >= 0.94 and precision >= 0.99,
        ),
        Figure(
            "the same, names", "", f"{named.coverage or 0:.3f} at {decimals(named.precision)}", None
        ),
        Figure(
            "expected calibration error (15 bins), all",
            "<= 0.010",
            decimals(everything.calibration_error),
            everything.calibration_error is not None and everything.calibration_error <= 0.010,
        ),
        Figure("the same, names", "", decimals(named.calibration_error), None),
        Figure("top-3, names / all", "", f"{decimals(named.top3)} / {decimals(everything.top3)}", None),
    ]  # fmt: skip


def reserve(
    learned: int, few: Sequence[Metrics], left_out: int, unseen: Sequence[float], strange: dict[str, float]
) -> list[Figure]:
    """What is not known must not be said surely."""
    precisions = [each.precision for each in few if each.precision is not None]
    coverages = [each.coverage or 0 for each in few]
    said = f"{mean(precisions):.4f} (worst {min(precisions):.4f})" if precisions else "nothing said that surely"
    name = f"learned from {learned:,} products: precision at confidence >= 90, mean of {len(few)} draws"
    return [
        Figure(
            name, ">= 0.97", f"{said}, on a share of {mean(coverages):.3f}", all(each >= 0.97 for each in precisions)
        ),
        Figure(
            f"{left_out} categories never seen: share of their products at confidence >= 90",
            "<= 0.03",
            f"{mean(unseen):.4f} (worst {max(unseen):.4f} of {len(unseen)})",
            mean(unseen) <= 0.03,
        ),
        *(
            Figure(f"{kind}: share at confidence >= 90", "<= 0.01", f"{value:.4f}", value <= 0.01)
            for kind, value in strange.items()
        ),
    ]


def costs(lesson: dict[str, float | str | int], is_same: bool) -> list[Figure]:
    rate, seconds, memory = (float(lesson[name]) for name in ("decided_per_s", "learning_s", "peak_mb"))
    return [
        Figure("deciding, products/s on one core", ">= 15,000", f"{rate:,.0f}", rate >= 15_000),
        Figure(
            f"learning from {lesson['products']:,} products, one core / memory",
            "<= 30 s / 600 MB",
            f"{seconds:.1f} s / {memory:.0f} MB",
            seconds <= 30 and memory <= 600,
        ),
        Figure("same learning data → same model, bit for bit", "yes", "yes" if is_same else "no", is_same),
    ]


def measure_few(shop: Shop, draws: int) -> list[Metrics]:
    """The figures after learning from FEW products chosen at random, several times."""
    found = []
    for draw_ in range(draws):
        part = random.Random(SEED + draw_).sample(shop.learned, min(FEW, len(shop.learned)))
        part.sort(key=lambda case: case.product.id)
        found.append(measure(shop.judge(shop.learn(cases=part))))
        say(f"from {len(part):,} products: {decimals(found[-1].coverage)} at {decimals(found[-1].precision)}")
    return found


def measure_unseen(shop: Shop, times: int, left_out: int) -> list[list[float]]:
    """The confidences of products whose categories were left out of learning, several times."""
    codes = sorted({str(case.truth) for case in shop.learned})
    found = []
    for time in range(times):
        out = set(random.Random(SEED + time).sample(codes, left_out))
        model = shop.learn(cases=[case for case in shop.learned if case.truth not in out])
        strangers = [case.product for case in (*shop.learned, *shop.judged) if case.truth in out]
        found.append(shop.confidences(model, strangers))
        share = views.share_above(found[-1], THRESHOLD)
        say(f"{left_out} categories left out: {share:.4f} of their {len(strangers):,} products at >= 90")
    return found


def measure_worth(shop: Shop, results: Sequence[Result]) -> list[dict[str, object]]:
    """What each source is worth: the figures without it, and how much is lost."""
    rows: list[dict[str, object]] = [{"without": "–", **asdict(measure(results))}]
    rights = [bool(result.is_correct) for result in results]
    for source in SOURCES:
        others = shop.judge(shop.learn(without=(source.name,)))
        lost = compare([bool(result.is_correct) for result in others], rights)
        rows.append({"without": source.name, **asdict(measure(others)), "worth": asdict(lost)})
        say(f"without {source.name}: top-1 {rows[-1]['top1']:.4f}")
    print("\n| without | top-1 | macro F1 | at >= 90 | right there | ECE | its worth in points of top-1 (95 %) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        cells = [decimals(row[name]) for name in ("top1", "macro_f1", "coverage", "precision", "calibration_error")]  # type: ignore[arg-type]
        print(f"| {row['without']} | {' | '.join(cells)} | {_worth(row.get('worth'))} |")
    return rows


def _worth(lost: object) -> str:
    if not isinstance(lost, dict):
        return ""
    return f"{100 * lost['difference']:+.2f} ({100 * lost['low']:+.2f} to {100 * lost['high']:+.2f})"


def most_confused(results: Sequence[Result]) -> list[metrics.Confusion]:
    truths = [str(each.truth) for each in results]
    return metrics.most_confused(truths, [each.value for each in results], [each.confidence for each in results])


def sure_and_right(results: Sequence[Result]) -> tuple[list[float], list[bool]]:
    return [each.confidence for each in results], [bool(each.is_correct) for each in results]


def reached(name: str, value: float | None, least: float) -> Figure:
    return Figure(name, f"{least:.3f}", decimals(value), value is not None and value >= least)


def decimals(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    sys.exit(main())
