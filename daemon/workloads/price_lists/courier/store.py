"""What the courier reads and writes of an import."""

from psycopg import Connection
from psycopg.types.json import Jsonb

from daemon.database.statements import statement
from daemon.workloads.price_lists.courier.job import Job

PACKAGE = "daemon.workloads.price_lists.courier"


def write_new_job(conn: Connection, import_id: int, job: Job) -> None:
    """The import begins anew."""
    conn.execute(statement(PACKAGE, "write_new_job"), {"import_id": import_id, "job": Jsonb(job.as_json())})


def write_job(conn: Connection, import_id: int, job: Job, *, is_advanced: bool = True) -> None:
    """With how far it is: what the row shows never goes back. Where it has advanced, its idle time begins anew."""
    parameters = {
        "import_id": import_id,
        "job": Jsonb(job.as_json()),
        "phase": job.phase.value,
        "percent": job.percent,
        "is_advanced": is_advanced,
    }
    conn.execute(statement(PACKAGE, "write_job"), parameters)


def read_idle_s(conn: Connection, import_id: int) -> float:
    """Seconds since the job has advanced, by the database's clock; negative where that was put back."""
    row = conn.execute(statement(PACKAGE, "read_idle"), {"import_id": import_id}).fetchone()
    return float(row[0]) if row is not None and row[0] is not None else 0.0
