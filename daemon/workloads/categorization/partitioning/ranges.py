"""How far the ids have come: which ranges are full, and which are wanted next."""

from psycopg import Connection

from daemon.database.statements import statement
from daemon.workloads.categorization.partitioning.partition import (
    HEAD,
    PACKAGE,
    Partition,
    PartitionRefused,
    read_partitions,
)

AHEAD = 2  # ranges that stand ready beyond the last id


def last_id(conn: Connection) -> tuple[int, int]:
    """The highest id given out, and the highest that its column can hold."""
    row = conn.execute(statement(PACKAGE, "last_id")).fetchone()
    assert row is not None  # noqa: S101  # it always has a row
    return int(row[0]), int(row[1])


def closed(conn: Connection) -> list[Partition]:
    """Those that get no more rows: all their ids were given out."""
    last, _ = last_id(conn)
    return [p for p in read_partitions(conn) if p.upper is not None and p.upper <= last]


def next_bound(conn: Connection, rows: int) -> int:
    """A round id, at least one whole range above the last."""
    last, limit = last_id(conn)
    bound = (last // rows + 2) * rows
    if bound + rows > limit:
        raise PartitionRefused(
            f"table {HEAD}: its ids are nearly used up ({last} of {limit}); make the column a bigint"
        )
    return bound


def ranges(start: int | None, end: int | None, rows: int, least: int = 0) -> list[Partition]:
    """Ranges of so many ids from `start` on, until `end` is reached and there are `least` of them."""
    assert start is not None  # noqa: S101  # the open pair has a lower bound, the first one an upper
    assert end is not None  # noqa: S101  # likewise
    made: list[Partition] = []
    while start < end or len(made) < least:
        made.append(Partition.between(start, start + rows))
        start += rows
    return made
