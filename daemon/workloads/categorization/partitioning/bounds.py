"""The check by which Postgres knows the bounds of a table's rows when it becomes a partition, without reading them."""

from contextlib import suppress
from functools import partial

import psycopg
from psycopg import Connection, sql

from daemon.database.pool import Session
from daemon.workloads.categorization.partitioning.ddl import alter
from daemon.workloads.categorization.partitioning.locks import in_short_locks
from daemon.workloads.categorization.partitioning.partition import KEYS, Partition

BOUND = "catalogd_bound"  # the check's name


class Bounds:
    """Around a change: such checks on two tables, proved while everybody works. The change drops them.

    The upper bound must not stay: rows beyond it would be refused. Only a kill leaves it, for the next run.
    """

    def __init__(self, session: Session, conn: Connection, tables: dict[str, str], bounds: Partition) -> None:
        self._session, self._conn, self._tables, self._bounds = session, conn, tables, bounds

    def __enter__(self) -> None:
        try:
            in_short_locks(self._conn, self._add)
            for table in self._tables.values():
                in_short_locks(self._conn, partial(self._validate, table))
        except BaseException:
            self._take_away()
            raise

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._take_away()

    def _add(self) -> None:
        for table, name in self._tables.items():
            _drop_if_there(self._conn, name)
            condition = _within(KEYS[table], self._bounds)
            alter(self._conn, name, "ADD CONSTRAINT {} CHECK ({}) NOT VALID", sql.Identifier(BOUND), condition)

    def _validate(self, name: str) -> None:
        alter(self._conn, name, "VALIDATE CONSTRAINT {}", sql.Identifier(BOUND))

    def _take_away(self) -> None:
        """On a connection of its own: the other may be broken, or in the middle of something."""
        with suppress(psycopg.Error):
            self._conn.close()
            with self._session.connect("partition") as conn:
                in_short_locks(conn, lambda: self._drop(conn))

    def _drop(self, conn: Connection) -> None:
        for name in self._tables.values():
            _drop_if_there(conn, name)


def _drop_if_there(conn: Connection, name: str) -> None:
    alter(conn, name, "DROP CONSTRAINT IF EXISTS {}", sql.Identifier(BOUND))


def _within(column: str, bounds: Partition) -> sql.Composed:
    key = sql.Identifier(column)
    conditions = [sql.SQL("{} IS NOT NULL").format(key), sql.SQL("{} < {}").format(key, sql.Literal(bounds.upper))]
    if bounds.lower is not None:
        conditions.append(sql.SQL("{} >= {}").format(key, sql.Literal(bounds.lower)))
    return sql.SQL(" AND ").join(conditions)
