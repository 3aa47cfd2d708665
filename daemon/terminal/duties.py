"""Periodic duties as `catalogd status` shows them."""

from dataclasses import dataclass
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.statements import statement
from daemon.workloads.categorization.explanation import one_line


@dataclass(frozen=True, slots=True)
class DutyRow:
    """A duty's row; `done_s_ago` is None until it is done for the first time."""

    name: str
    done_s_ago: float | None
    due_in_s: float
    failures: int
    error: str | None


def read_duties(conn: Connection) -> list[DutyRow]:
    with conn.cursor(row_factory=class_row(DutyRow)) as cursor:
        return cursor.execute(statement("daemon.terminal", "list_duties")).fetchall()


def describe_duty(duty: DutyRow) -> str:
    """A line for people."""
    done = "not done yet" if duty.done_s_ago is None else f"done {_rough(duty.done_s_ago)} ago"
    due = f"due in {_rough(duty.due_in_s)}" if duty.due_in_s > 0 else "due now"
    if not duty.failures:
        return f"duty {one_line(duty.name)}: {done}, {due}"
    times = "1 time" if duty.failures == 1 else f"{duty.failures} times"
    return f"duty {one_line(duty.name)}: failed {times}: {one_line(duty.error or '')}; {done}, again {due}"


def _rough(seconds: float) -> str:
    """Without what is smaller than a second: 0:12:03, or 3 days, 0:12:03."""
    return str(timedelta(seconds=max(0, round(seconds))))
