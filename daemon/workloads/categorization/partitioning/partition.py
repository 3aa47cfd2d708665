"""What a partition is, and which there are."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.statements import statement

PACKAGE = "daemon.workloads.categorization.partitioning"  # where the statements are
HEAD, TAIL = "predictions", "evidence"
KEYS = {HEAD: "id", TAIL: "prediction_id"}
REST = "rest"  # the open pair's suffix


class PartitionRefused(Exception):
    """The tables are not in a shape that can be partitioned; the message names table and reason."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A pair of partitions: predictions with lower <= id < upper, and their evidence. None: open at that end."""

    name: str  # that of the predictions
    lower: int | None
    upper: int | None

    @property
    def suffix(self) -> str:
        return self.name.removeprefix(f"{HEAD}_")

    def of(self, table: str) -> str:
        """The name of this pair's partition of a table."""
        return f"{table}_{self.suffix}"

    @property
    def tables(self) -> tuple[str, str]:
        return self.of(HEAD), self.of(TAIL)

    @classmethod
    def between(cls, lower: int | None, upper: int | None) -> "Partition":
        return cls(f"{HEAD}_{REST if upper is None else f'from_{lower or 0}'}", lower, upper)


def read_partitions(conn: Connection) -> list[Partition]:
    """The pairs that are attached, lowest ids first; none when the tables are plain."""
    with conn.cursor(row_factory=class_row(Partition)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_partitions"), {"table": HEAD}).fetchall()


def lowest_id(conn: Connection) -> int | None:
    """Predictions below were detached; None when none were."""
    partitions = read_partitions(conn)
    return partitions[0].lower if partitions else None
