"""Indexes what still waits for a person in partitions that get no more rows.

A new prediction looks for older pending ones in every partition: there it finds at once that there are few, or none.
"""

import structlog
from psycopg import Connection, sql

from daemon.workloads.categorization.partitioning.ddl import execute
from daemon.workloads.categorization.partitioning.locks import LOCK_TIMEOUT
from daemon.workloads.categorization.partitioning.ranges import closed

log = structlog.get_logger()

WAITING = "waiting"  # suffix of such an index


def index_what_waits(conn: Connection) -> None:
    """Give each closed partition an index of its pending predictions alone."""
    for partition in closed(conn):
        name = f"{partition.name}_{WAITING}"
        found = conn.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(quote_ident(%s))", (name,)
        ).fetchone()
        if found == (True,):
            continue
        index, table = sql.Identifier(name), sql.Identifier(partition.name)
        conn.execute("SET lock_timeout = '60s'")  # it waits for transactions; nobody waits for it
        try:
            if found is not None:  # a build that was interrupted
                execute(conn, "DROP INDEX CONCURRENTLY {}", index)
            build = "CREATE INDEX CONCURRENTLY {} ON {} (product_id) WHERE (status = 'pending') IS TRUE"
            execute(conn, build, index, table)
        finally:
            conn.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_TIMEOUT))
        log.info("partition.indexed", partition=partition.name)
