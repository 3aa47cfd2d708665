"""Find out how good the predictions are: learn from four fifths of the shop's products and predict the rest.

With --model, a stored model decides again the products that people decided on since it was learned. With --catalogue,
the products come from a file as `catalogd import` reads it, and no database is needed; a column `split` says which rows
are learned from (train) and which are judged (dev). What was found is kept in prediction_experiments and
prediction_results where a database is named, and seen in the views experiment_summary and metric_trends.
"""

import argparse
from typing import TYPE_CHECKING

from daemon.commands.files import is_file

if TYPE_CHECKING:
    from psycopg import Connection

    from daemon.workloads.categorization.experiments.comparison import Comparison
    from daemon.workloads.categorization.experiments.evaluation import Evaluated
    from daemon.workloads.categorization.experiments.experiment import Setup

HELP = "how good the predictions are: an experiment, kept and drawn"
EXAMPLE = "catalogd evaluate --without description --compare 3 --plot report.html"
ROLE = "catalogd_runtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument("--model", type=int, metavar="VERSION", help="judge this stored model on decisions made since")
    is_file(
        origin.add_argument("--catalogue", metavar="FILE", help="a .csv or .csv.gz file instead of the shop's products")
    )
    parser.add_argument(
        "--fields", choices=("all", "names"), default="all", help="names: only name, manufacturer and part number"
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="SOURCE", help="switch a source of evidence off; repeatable"
    )
    parser.add_argument(
        "--folds", type=int, default=1, choices=range(1, 6), help="fifths to hold out in turn (default: 1)"
    )
    parser.add_argument("--curve", action="store_true", help="learn from 1,000, 2,000, ... products too: takes time")
    parser.add_argument("--compare", type=int, metavar="EXPERIMENT", help="with an earlier one, on the same products")
    is_file(
        parser.add_argument(
            "--plot", metavar="FILE", help="write a report with pictures, one HTML file; needs matplotlib"
        )
    )
    parser.add_argument("--note", metavar="TEXT", help="kept with the experiment")
    parser.add_argument("--json", action="store_true", help="a JSON object instead of a table")


def act(options: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from daemon.commands.connection import connected
    from daemon.errors import UsageError
    from daemon.settings import read_settings
    from daemon.workloads.categorization.evidence.registry import SOURCES
    from daemon.workloads.categorization.experiments import store
    from daemon.workloads.categorization.experiments.evaluation import compare_with
    from daemon.workloads.categorization.experiments.experiment import Setup
    from daemon.workloads.categorization.workload import check_silent

    _check(options)
    settings = read_settings(needs_database=options.catalogue is None or options.compare is not None)
    check_silent(settings.silent)
    silent = settings.silent & {source.name for source in SOURCES}  # rules and decisions are not heard here
    without = tuple(sorted({*options.without, *silent}))
    setup = Setup(options.fields, without, settings.threshold, options.folds)
    with connected("evaluate") if settings.names_a_database else nullcontext() as conn:
        try:
            _ = setup.sources
            earlier = store.read_earlier(conn, options.compare) if conn and options.compare is not None else None
        except (store.NoSuchExperiment, ValueError) as error:
            raise UsageError(str(error)) from error
        found = _evaluate(conn, options, setup)
        comparison = compare_with(earlier, found.trial.results) if earlier else None
        experiment_id = None
        try:
            if conn:
                compared = _compared(options.compare, comparison)
                experiment_id = store.write_experiment(conn, found.to_experiment(compared, options.note))
        finally:  # what took minutes to find is told also where it cannot be kept
            _tell(options, found, comparison, experiment_id)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse at once what would fail after minutes."""
    from importlib.util import find_spec
    from pathlib import Path

    from daemon.errors import DaemonError, UsageError

    if options.model is not None and (options.curve or options.folds != 1):
        raise UsageError("--curve and --folds are about learning: a stored model has learned")
    if options.plot is not None:
        if not Path(options.plot).absolute().parent.is_dir():
            raise UsageError(f"{options.plot}: there is no such folder")
        if Path(options.plot).is_dir():
            raise UsageError(f"{options.plot} is a folder: name a file, such as report.html")
        if find_spec("matplotlib") is None:
            raise DaemonError("--plot needs matplotlib, which is not installed: pip install 'catalogd[report]'")


def _evaluate(conn: "Connection | None", options: argparse.Namespace, setup: "Setup") -> "Evaluated":
    from pathlib import Path

    from daemon.errors import DaemonError, UsageError
    from daemon.stand_in.catalogue_file import FileRefused
    from daemon.workloads.categorization.experiments import evaluation
    from daemon.workloads.categorization.experiments.store import NoSuchExperiment
    from daemon.workloads.categorization.model.learning import NothingToLearn

    try:
        if options.catalogue is not None:
            return evaluation.evaluate_catalogue(Path(options.catalogue), setup, options.curve)
        assert conn is not None  # noqa: S101  # without a file a database must be named
        if options.model is not None:
            return evaluation.evaluate_model(conn, options.model, setup)
        return evaluation.evaluate_shop(conn, setup, options.curve)
    except (FileRefused, NoSuchExperiment, evaluation.SetupRefused) as error:
        raise UsageError(str(error)) from error
    except (NothingToLearn, evaluation.NothingToJudge) as error:
        raise DaemonError(str(error)) from error


def _compared(other: int | None, comparison: "Comparison | None") -> dict[str, object] | None:
    from dataclasses import asdict

    return None if comparison is None else {"experiment": other, **asdict(comparison)}


def _tell(
    options: argparse.Namespace, found: "Evaluated", comparison: "Comparison | None", experiment_id: int | None
) -> None:
    import json
    import sys
    from dataclasses import asdict
    from pathlib import Path

    from daemon.workloads.categorization.experiments.report import (
        Findings,
        compared_in_words,
        figures,
        write_report,
    )
    from daemon.workloads.categorization.explanation import one_line

    title = "Experiment" if experiment_id is None else f"Experiment {experiment_id}"
    other = f"experiment {options.compare}"
    shown = {name: _in_words(value) for name, value in found.settings.items()}
    shown |= {"products learned from": f"{found.trial.learned:,}"} if found.trial.learned else {}
    shown |= {"model": str(found.model_version)} if found.model_version is not None else {}
    shown |= {"note": options.note} if options.note else {}
    if options.json:
        document = {
            "experiment": experiment_id,
            "kind": found.kind,
            "settings": found.settings,
            "model_version": found.model_version,
            "learned_products": found.trial.learned,
            "data_fingerprint": found.trial.fingerprint,
            "metrics": asdict(found.metrics),
            "comparison": _compared(options.compare, comparison),
            "curve": [point._asdict() for point in found.curve],
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        lines = [title, *(f"  {name:36} {one_line(value)}" for name, value in shown.items())]
        lines += [f"  {name:36} {value}" for name, value in figures(found.metrics)]
        if comparison is not None:
            lines.append(f"  {compared_in_words(other, comparison)}")
        elif options.compare is not None:
            lines.append(f"  {other} judged none of these products: nothing to compare")
        sys.stdout.write("\n".join(lines) + "\n")
    if options.plot is not None:
        compared = None if comparison is None else (other, comparison)
        findings = Findings(title, shown, found.metrics, found.trial.results, found.curve, compared)
        Path(options.plot).write_text(write_report(findings, found.taxonomy), encoding="utf-8")


def _in_words(value: object) -> str:
    return ", ".join(map(str, value)) or "–" if isinstance(value, list) else str(value)
