"""Reads batches and their item errors."""

from collections.abc import Iterator, Sequence

from psycopg import Connection
from psycopg.rows import class_row

from daemon.batches.batch import LARGEST_ID, OPEN, Batch, ItemError, Listed
from daemon.database.bulk import id_list
from daemon.database.statements import statement
from daemon.workloads.kind import Kind, Sight

MOST_COUNTED = 10_000  # open batches of a status; of so many, "or more" is said
PAGE_OF_ERRORS = 1_000


def read_batches(conn: Connection, kind: Kind, ids: Sequence[int]) -> list[Listed]:
    """Those that are there, in the order of the ids."""
    if not ids:
        return []
    with conn.cursor(row_factory=class_row(Batch)) as cursor:
        rows = cursor.execute(_statement("read_batches", kind), {"ids": id_list(ids)}).fetchall()
    found = {batch.id: batch for batch in rows}
    sights = kind.look(conn, list(found))
    return [Listed(kind, found[id], sights.get(id, Sight())) for id in ids if id in found]


def read_batch(conn: Connection, kind: Kind, batch_id: int) -> Listed | None:
    """None when there is none, or can be none."""
    if not 0 <= batch_id <= LARGEST_ID:
        return None
    return next(iter(read_batches(conn, kind, [batch_id])), None)


def count_open(conn: Connection, kind: Kind) -> dict[str, int]:
    """How many batches of each open status there are; MOST_COUNTED stands for so many or more."""
    counted: dict[str, int] = dict(conn.execute(_statement("count_open", kind), {"limit": MOST_COUNTED}).fetchall())
    return {status: counted[status] for status in OPEN if status in counted}


def read_errors(
    conn: Connection, kind: Kind, batch_id: int, after: int, limit: int, code: str | None = None
) -> list[ItemError]:
    """The next ones after an id, of one code or all."""
    with conn.cursor(row_factory=class_row(ItemError)) as cursor:
        parameters = {"batch_id": batch_id, "code": code, "after": after, "limit": limit}
        return cursor.execute(_statement("list_errors", kind), parameters).fetchall()


def list_errors(conn: Connection, kind: Kind, batch_id: int) -> Iterator[ItemError]:
    """All, page by page: a pager that waits must hold no transaction open."""
    after = 0
    while page := read_errors(conn, kind, batch_id, after, PAGE_OF_ERRORS):
        yield from page
        after = page[-1].id


def count_errors(conn: Connection, kind: Kind, batch_id: int, limit: int) -> dict[str, int]:
    """How many there are of each code, of the first so many."""
    counted = conn.execute(_statement("count_errors", kind), {"batch_id": batch_id, "limit": limit})
    return {str(code): int(items) for code, items in counted}


def _statement(name: str, kind: Kind) -> bytes:
    return statement("daemon.batches", name, **kind.table.identifiers)
