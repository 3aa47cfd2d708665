"""Approves and rejects a prediction, as PHP does: triggers write down the decision and the audit entry."""

from psycopg import Connection

from daemon.database.statements import statement

PACKAGE = "daemon.workloads.categorization.pages"


def approve(conn: Connection, prediction_id: int) -> int | None:
    return _decide(conn, prediction_id, "approved")


def reject(conn: Connection, prediction_id: int) -> int | None:
    return _decide(conn, prediction_id, "rejected")


def _decide(conn: Connection, prediction_id: int, status: str) -> int | None:
    """The prediction's batch; None where there is no such prediction, or a newer one of its product."""
    row = conn.execute(statement(PACKAGE, "decide"), {"prediction_id": prediction_id, "status": status}).fetchone()
    return None if row is None else int(row[0])
