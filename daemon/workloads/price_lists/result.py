"""How far an import is, and how it came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.statements import statement

PACKAGE = "daemon.workloads.price_lists"
OPEN = ("pending", "processing")


@dataclass(frozen=True, slots=True)
class Progress:
    """An import under way. `percent` is of the phase."""

    status: str
    phase: str
    percent: int
    total: int
    processed: int

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """The lines of an import that could not be used for one reason, and the first of them."""

    code: str
    lines: int
    line: str  # its number
    message: str
    column: str | None
    value: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """An import that has ended. Counts are of lines, `gone` of items that the supplier no longer has."""

    id: int
    supplier: str | None  # None once it was deleted
    status: str
    phase: str
    failed_phase: str | None
    error_message: str | None
    duration_s: float  # since it was inserted
    total: int
    success: int
    errors: int
    linked: int
    confirmed: int
    review: int
    draft: int
    new: int
    changed: int
    gone: int
    detected: Any  # how the list was read, as JSON


def read_progress(conn: Connection, import_id: int) -> Progress | None:
    """None once it was deleted."""
    with conn.cursor(row_factory=class_row(Progress)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_progress"), {"import_id": import_id}).fetchone()


def read_result(conn: Connection, import_id: int) -> Result | None:
    """None once it was deleted."""
    with conn.cursor(row_factory=class_row(Result)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_result"), {"import_id": import_id}).fetchone()


def count_errors(conn: Connection, import_id: int) -> Sequence[ErrorCount]:
    """The most frequent first."""
    with conn.cursor(row_factory=class_row(ErrorCount)) as cursor:
        return cursor.execute(statement(PACKAGE, "count_errors"), {"import_id": import_id}).fetchall()
