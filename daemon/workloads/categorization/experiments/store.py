"""Keeps experiments in the database, and reads what they are made from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from psycopg import Connection
from psycopg.rows import args_row, class_row, scalar_row
from psycopg.types.json import Jsonb, set_json_loads

from daemon import __version__
from daemon.database.bulk import copy_rows
from daemon.database.statements import statement
from daemon.workloads.categorization.experiments.experiment import Case, Trial
from daemon.workloads.categorization.people.decisions import HumanDecision, Opinion, weigh
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.store import read_json, read_labelled
from daemon.workloads.categorization.taxonomy import Taxonomy

RESULT_COLUMNS = ("experiment_id", "product_id", "truth", "value", "confidence", "reasoning", "is_correct")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A trial with what is to be kept beside its results. `metrics` is what `metrics` in the table shall hold."""

    kind: str
    settings: Mapping[str, object]
    model_version: int | None
    trial: Trial
    metrics: Mapping[str, object]
    duration: timedelta
    note: str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A stored experiment, as far as another is compared with it: what it got right, by the product as given."""

    fingerprint: str
    rights: Mapping[str, bool]


class NoSuchExperiment(Exception):
    """There is no experiment, or no model, of this number."""


def _sql(name: str) -> bytes:
    return statement("daemon.workloads.categorization.experiments", name)


def write_experiment(conn: Connection, experiment: Experiment) -> int:
    """Store it with its results, all or nothing. Returns its id."""
    with conn.transaction():
        parameters = {
            "kind": experiment.kind,
            "settings": Jsonb(dict(experiment.settings)),
            "fingerprint": experiment.trial.fingerprint,
            "model_version": experiment.model_version,
            "code_version": __version__,
            "learned": experiment.trial.learned,
            "metrics": Jsonb(dict(experiment.metrics)),
            "duration": experiment.duration,
            "note": experiment.note,
        }
        with conn.cursor(row_factory=scalar_row) as cursor:
            experiment_id = cursor.execute(_sql("write_experiment"), parameters).fetchone()
        assert experiment_id is not None  # noqa: S101  # INSERT ... RETURNING has a row
        rows = [
            (experiment_id, each.reference, each.truth, each.value, each.confidence, each.reasoning, each.is_correct)
            for each in experiment.trial.results
        ]
        copy_rows(conn, "prediction_results", RESULT_COLUMNS, rows)
    found: int = experiment_id
    return found


def read_earlier(conn: Connection, experiment_id: int) -> Earlier:
    """Raises NoSuchExperiment."""
    parameters = {"experiment_id": experiment_id}
    with conn.cursor(row_factory=scalar_row) as cursor:
        fingerprint = cursor.execute(_sql("find_experiment"), parameters).fetchone()
    if fingerprint is None:
        raise NoSuchExperiment(f"there is no experiment {experiment_id}")
    return Earlier(fingerprint, dict(conn.execute(_sql("read_rights"), parameters).fetchall()))


def read_shop(conn: Connection) -> Iterator[Case]:
    """Every product with the category that people have decided on, in id order; streamed, in a transaction."""
    return (Case(str(product.id), product, code) for product, code in read_labelled(conn))


def read_learned_at(conn: Connection, version: int) -> datetime:
    """When this model was learned. Raises NoSuchExperiment where there is no such model."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        learned_at: datetime | None = cursor.execute(_sql("read_learned_at"), {"version": version}).fetchone()
    if learned_at is None:
        raise NoSuchExperiment(f"there is no model {version}")
    return learned_at


def read_decided(conn: Connection, since: datetime, taxonomy: Taxonomy) -> list[Case]:
    """The products that people decided on since, in id order.

    Their truth is the category that the shop has confirmed, or else the one that people named last.
    """
    parameters = {"since": since}
    with conn.cursor(row_factory=class_row(HumanDecision)) as cursor:
        decisions = cursor.execute(_sql("read_decisions_since"), parameters).fetchall()
    with conn.cursor(row_factory=args_row(Product)) as cursor:
        set_json_loads(read_json, cursor)
        products = cursor.execute(_sql("read_decided"), parameters).fetchall()
    opinions = {id: list(weigh(group)) for id, group in groupby(decisions, lambda decision: decision.product_id)}
    return [_as_case(product, opinions.get(product.id, []), taxonomy) for product in products]


def _as_case(product: Product, opinions: Sequence[Opinion], taxonomy: Taxonomy) -> Case:
    named = [opinion.category_code for opinion in opinions if opinion.is_for]
    truth = next((code for code in (product.category_code, *named) if code is not None and code in taxonomy), None)
    refused = tuple(sorted(opinion.category_code for opinion in opinions if not opinion.is_for))
    return Case(str(product.id), product, truth, refused)
