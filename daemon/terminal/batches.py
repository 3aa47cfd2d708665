"""Which batches a command is about."""

from psycopg import Connection
from psycopg.rows import scalar_row

from daemon.batches.batch import Listed
from daemon.batches.reading import read_batch, read_batches
from daemon.database.statements import statement
from daemon.workloads.kind import Kind
from daemon.workloads.registry import REGISTRY


def list_batches(conn: Connection, kind: Kind, batch_id: int | None) -> list[Listed]:
    """The open and the latest batches, or the one with this id; empty when there is none."""
    if batch_id is not None:
        found = read_batch(conn, kind, batch_id)
        return [found] if found else []
    with conn.cursor(row_factory=scalar_row) as cursor:
        find = statement("daemon.terminal", "find_shown", **kind.table.identifiers)
        return read_batches(conn, kind, cursor.execute(find).fetchall())


def find_elsewhere(conn: Connection, kind: Kind, batch_id: int, command: str) -> str:
    """The end of a sentence: where there is a batch of this number, if it is of another kind of work only."""
    if read_batch(conn, kind, batch_id):
        return ""
    for entry in REGISTRY:
        if entry.name != kind.name and read_batch(conn, entry.describe(), batch_id):
            return f"; there is one of {entry.name}: catalogd {command} {batch_id} --of {entry.name}"
    return ""
