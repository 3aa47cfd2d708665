"""Partition predictions and evidence, or see to the partitions that are there; for the role that owns the tables.

The first run makes the two tables the first partition each of partitioned ones. Later runs make partitions ahead, and
with CATALOGD_RETENTION_DAYS detach those whose predictions are all older: they stay as ordinary tables, named in the
output, for the operator to archive or drop. Safe while the daemon works, at any time and again after it was killed.
"""

import argparse

HELP = "partition predictions and evidence by time; detach what is old"
EXAMPLE = "CATALOGD_RETENTION_DAYS=365 catalogd partition"
ROLE = "catalogd_owner"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes none: CATALOGD_PARTITION_ROWS and CATALOGD_RETENTION_DAYS are settings, for a timer's sake."""


def act(options: argparse.Namespace) -> int:
    import structlog

    from daemon.database.schema import exclusive, inspect, is_partitioned
    from daemon.engine.queue import RETRY_LIMIT
    from daemon.errors import ConfigurationError
    from daemon.logs import configure_logs
    from daemon.sessions import name_instance, require_current_schema, session_of
    from daemon.settings import read_settings
    from daemon.signals import Interrupted, signals_interrupt
    from daemon.workloads.categorization.partitioning.conversion import convert
    from daemon.workloads.categorization.partitioning.extension import extend
    from daemon.workloads.categorization.partitioning.partition import PartitionRefused, read_partitions
    from daemon.workloads.categorization.partitioning.retention import detach_old
    from daemon.workloads.categorization.partitioning.waiting import index_what_waits

    settings = read_settings()
    configure_logs(settings.log_level, settings.log_format)
    signals_interrupt()
    session = session_of(settings, name_instance())
    try:
        with exclusive(session, wait_s=60.0), session.connect("partition") as conn:
            require_current_schema(inspect(conn))
            if not is_partitioned(conn):
                convert(session, conn, settings.partition_rows)
            extend(session, conn, settings.partition_rows)
            if settings.retention_days is not None:
                detach_old(conn, settings.retention_days, RETRY_LIMIT)
            index_what_waits(conn)
            structlog.get_logger().info("partition.done", partitions=len(read_partitions(conn)))
    except PartitionRefused as error:
        raise ConfigurationError(str(error)) from error
    except Interrupted:
        return 130
    return 0
