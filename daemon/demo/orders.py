"""Inserts batches and reads what became of them, as the PHP application does: with SQL alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.statements import statement
from daemon.workloads.categorization.explanation import explain
from daemon.workloads.categorization.store import read_explained

T = TypeVar("T")

LEVELS = ("high", "medium", "low")
OPEN = ("pending", "processing")


@dataclass(frozen=True, slots=True)
class Products:
    """Ids: what a big order is made of, what small ones are made of, and one that no product has."""

    held_out: Sequence[int]
    known: Sequence[int]
    no_product: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch under way."""

    status: str
    total: int
    processed: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A batch that has ended; the duration counts from its insert."""

    id: int
    status: str
    total: int
    success: int
    errors: int
    completed_at: datetime
    duration_s: float

    @property
    def items_per_s(self) -> float:
        return self.total / self.duration_s


@dataclass(frozen=True, slots=True)
class ItemError:
    """An item that could not be treated."""

    batch_id: int
    item: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Judged:
    """How many predictions were of a level, and how many of these were right."""

    level: str
    predicted: int
    right: int


@dataclass(frozen=True, slots=True)
class Example:
    """A prediction in words, and the category that was held back."""

    words: str
    truth: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class _Guess:
    sku: str
    code: str
    level: str


@dataclass(frozen=True, slots=True)
class _Chosen:
    id: int
    sku: str
    level: str


def add_user(conn: Connection) -> int:
    """The person in whose name the batches are inserted."""
    row = conn.execute("INSERT INTO users (name) VALUES ('Ann') RETURNING id").fetchone()
    assert row is not None  # noqa: S101  # INSERT ... RETURNING has a row
    user_id: int = row[0]
    return user_id


def choose_products(conn: Connection, known: int) -> Products:
    """Every product without a category, and so many of the others."""
    return _read(conn, Products, "choose_products", known=known)[0]


def insert_batch(conn: Connection, product_ids: Sequence[int], user_id: int) -> int:
    """Order predictions for these products; returns the id of the batch."""
    parameters = {"product_ids": json.dumps(product_ids), "created_by": user_id}
    row = conn.execute(statement("daemon.demo", "insert_batch"), parameters).fetchone()
    assert row is not None  # noqa: S101  # INSERT ... RETURNING has a row
    batch_id: int = row[0]
    return batch_id


def read_progress(conn: Connection, batch_id: int) -> Progress:
    return _read(conn, Progress, "read_progress", batch_id=batch_id)[0]


def read_ended(conn: Connection) -> list[Ended]:
    """Every batch, in the order of insertion. They must have ended."""
    return _read(conn, Ended, "read_ended")


def read_item_errors(conn: Connection) -> list[ItemError]:
    return _read(conn, ItemError, "read_item_errors")


def judge(conn: Connection, batch_id: int, truth: Mapping[str, str]) -> list[Judged]:
    """Hold the predictions of a batch against the true category of each sku; one entry for each level."""
    guesses = _read(conn, _Guess, "read_guesses", batch_id=batch_id)
    judged = []
    for level in LEVELS:
        are_right = [guess.code == truth[guess.sku] for guess in guesses if guess.level == level]
        judged.append(Judged(level, len(are_right), sum(are_right)))
    return judged


def choose_examples(conn: Connection, batch_id: int, truth: Mapping[str, str]) -> list[Example]:
    """One prediction of each level that occurs, the surest first."""
    chosen = _read(conn, _Chosen, "choose_examples", batch_id=batch_id)
    examples = []
    for each in sorted(chosen, key=lambda each: LEVELS.index(each.level)):
        explained = read_explained(conn, each.id)
        if explained is not None:
            code = truth[each.sku]
            examples.append(Example(explain(*explained), code, explained[0].suggested_category_code == code))
    return examples


def _read(conn: Connection, kind: type[T], name: str, **parameters: object) -> list[T]:
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement("daemon.demo", name), parameters).fetchall()
