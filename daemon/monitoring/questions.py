"""What the database is asked about the engine's work and about itself."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from daemon.database.statements import load, statement
from daemon.engine.workload import BatchTable, Figure, Workload
from daemon.monitoring.survey import Question

PACKAGE = "daemon.monitoring"
MOST_COUNTED = 20_000  # slices, and preparations, of one kind of work
STATUSES = ("pending", "processing")


def questions(workloads: Sequence[Workload]) -> Mapping[str, Question]:
    """By name; each is answered within milliseconds, however much there is."""
    load(PACKAGE)
    asked: dict[str, Question] = {"server": ask_server, "duties": ask_duties}
    asked["queue"] = partial(ask_queue, {workload.name: workload.table for workload in workloads})
    for workload in workloads:
        asked[f"open {workload.name}"] = partial(ask_open, workload.name, workload.table)
        asked[f"figures of {workload.name}"] = partial(ask_workload, workload)
    return asked


def ask_open(workload: str, table: BatchTable, conn: Connection) -> Iterable[Figure]:
    """The open batches of one kind of work."""
    found = {row["status"]: row for row in _read(conn, "read_open", table=table)}
    nothing = {"batches": 0, "oldest_s": 0.0, "items_left": 0.0}
    for status in STATUSES:
        row = found.get(status, nothing)
        labels = {"workload": workload, "status": status}
        yield Figure("batches", "Open batches.", row["batches"], labels)
        yield Figure(
            "oldest_batch_age_seconds",
            "How long the oldest batch has been pending since its insert (retries left out), or in processing.",
            max(row["oldest_s"], 0.0),
            labels,
        )
    left = found.get("processing", nothing)["items_left"]
    yield Figure("items_left", "Items of batches in processing that are not treated yet.", left, {"workload": workload})


def ask_queue(workloads: Mapping[str, BatchTable], conn: Connection) -> Iterable[Figure]:
    """Slices, and preparations where there are any."""
    values = {"workloads": list(workloads), "most": MOST_COUNTED}
    for row in _read(conn, "read_queue", values):
        for state in ("waiting", "held"):
            labels = {"workload": row["workload"], "state": state}
            meaning = f"Slices that wait, or are held by a worker; counted among the next {MOST_COUNTED:,}."
            yield Figure("slices", meaning, row[state], labels)
        if not workloads[row["workload"]].is_prepared:
            continue
        for state, column in (("waiting", "to_prepare"), ("held", "preparing"), ("ready", "ready")):
            labels = {"workload": row["workload"], "state": state}
            yield Figure("preparations", "Batches that are made ready to be cut into slices.", row[column], labels)


def ask_duties(conn: Connection) -> Iterable[Figure]:
    """What the fleet does now and then."""
    for row in _read(conn, "read_duties"):
        labels = {"duty": row["name"]}
        yield Figure(
            "duty_failures", "Failures in a row of a periodic duty since it was last done.", row["failures"], labels
        )
        if row["done_at"] is not None:
            yield Figure("duty_done_timestamp_seconds", "When a periodic duty was last done.", row["done_at"], labels)


def ask_server(conn: Connection) -> Iterable[Figure]:
    """The server, and who is connected to it."""
    (row,) = _read(conn, "read_server")
    yield Figure("instances", "Running instances of catalogd that are connected to the database.", row["instances"])
    yield Figure(
        "notification_queue_usage_ratio",
        "How full the server's queue of notifications is; when it is full, no batch can be inserted.",
        row["queue_usage"],
    )
    yield Figure(
        "oldest_transaction_seconds",
        'Age of the oldest transaction in the database; sessions="own": only those of the daemon\'s role are seen.',
        row["oldest_s"],
        {"sessions": "all" if row["sees_all"] else "own"},
    )
    yield Figure(
        "oldest_snapshot_transactions",
        "How many transactions ago the oldest snapshot or transaction that anybody holds began; vacuum keeps dead rows"
        " for it.",
        row["held_back"],
    )


def ask_workload(workload: Workload, conn: Connection) -> Iterable[Figure]:
    """What a kind of work tells of itself."""
    for figure in workload.figures(conn):
        yield Figure(figure.name, figure.meaning, figure.value, {"workload": workload.name, **figure.labels})


def _read(
    conn: Connection, name: str, values: Mapping[str, object] | None = None, table: BatchTable | None = None
) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement(PACKAGE, name, **(table.identifiers if table else {})), values).fetchall()
