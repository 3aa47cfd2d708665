"""Run the daemon: treat batches until SIGTERM or SIGINT. A second signal cancels the slices in hand."""

import argparse

HELP = "run the daemon"
EXAMPLE = "catalogd run --workers 4"
ROLE = "catalogd_runtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="treat everything that is open, then exit 0")
    parser.add_argument("--workers", type=positive, metavar="N", help="worker threads (default: CATALOGD_WORKERS or 2)")


def positive(text: str) -> int:
    """For argparse: a number of threads."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError("a whole number from 1 to 64 is wanted")
    return int(text)


def act(options: argparse.Namespace) -> int:
    import os
    import resource

    import psycopg
    import structlog

    from daemon.database.failures import summary
    from daemon.errors import DaemonError
    from daemon.logs import configure_logs
    from daemon.service.process import run
    from daemon.settings import read_settings
    from daemon.systemd import NETWORK_HINT, Notifier, is_confined

    configure_logs()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the password
    try:
        settings = read_settings() if options.workers is None else read_settings(workers=options.workers)
        configure_logs(settings.log_level, settings.log_format)
        if is_confined():
            structlog.get_logger().info("network.confined", hint=NETWORK_HINT)
        return run(settings, Notifier.from_environment(os.environ), once=options.once)
    except DaemonError as error:
        structlog.get_logger().error("daemon.refused", error_type=type(error).__name__, error=str(error))
        raise
    except psycopg.Error as error:
        structlog.get_logger().error("daemon.refused", error_type=type(error).__name__, error=summary(error))
        raise
