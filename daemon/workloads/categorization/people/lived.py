"""Reads how right the predictions proved to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.statements import statement
from daemon.workloads.categorization.people.decisions import PACKAGE
from daemon.workloads.categorization.people.precision import Tally

WEEKS = 8
MODELS = 3
LATELY = 5_000  # decisions
NEWEST = 100_000  # predictions that stand for those to come


@dataclass(frozen=True, slots=True)
class WeekOfLevel:
    """What people decided in a week on predictions of one level; shares are in [0, 1], low and high their interval."""

    week: date
    level: str | None
    decided: int
    correct: int
    precision: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ModelOfLevel:
    """The same for all predictions of a model."""

    model_version: int | None
    level: str | None
    decided: int
    correct: int
    precision: float
    low: float
    high: float


def read_tallies(conn: Connection) -> list[Tally]:
    """All decisions, by the confidence of the predictions."""
    with conn.cursor(row_factory=class_row(Tally)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_lived")).fetchall()


def read_weeks(conn: Connection) -> Sequence[WeekOfLevel]:
    """The last weeks with decisions, the oldest first."""
    with conn.cursor(row_factory=class_row(WeekOfLevel)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_weeks"), {"weeks": WEEKS}).fetchall()


def read_models(conn: Connection) -> Sequence[ModelOfLevel]:
    """The last models with decisions, the oldest first."""
    with conn.cursor(row_factory=class_row(ModelOfLevel)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_models"), {"models": MODELS}).fetchall()


@dataclass(frozen=True, slots=True)
class Lately:
    """The newest decisions on predictions of one level; `_in_use`: of those by the model in use."""

    level: str
    decided: int
    correct: int
    decided_in_use: int
    correct_in_use: int


def count_lately(conn: Connection, version: int | None) -> Sequence[Lately]:
    """The newest LATELY decisions, by level; `version` is the model in use."""
    with conn.cursor(row_factory=class_row(Lately)) as cursor:
        return cursor.execute(statement(PACKAGE, "count_lately"), {"newest": LATELY, "version": version}).fetchall()


def count_newest(conn: Connection, threshold: float) -> tuple[int, int]:
    """How many predictions the newest are, and how many of those are at or above the threshold."""
    row = conn.execute(statement(PACKAGE, "read_newest"), {"threshold": threshold, "limit": NEWEST}).fetchone()
    assert row is not None  # noqa: S101  # an aggregate has a row
    return int(row[0]), int(row[1])
