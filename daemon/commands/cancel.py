"""Cancel an open batch: no further slice of it starts; what is committed stays."""

import argparse

HELP = "stop a batch"
EXAMPLE = "catalogd cancel 42"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="the batch")


def act(options: argparse.Namespace) -> int:
    import sys

    from daemon.commands.connection import connected, queue_of_categorization
    from daemon.errors import UsageError

    with connected("cancel") as conn:
        if not queue_of_categorization().cancel(conn, options.id):
            raise UsageError(f"there is no open batch {options.id}; see: catalogd status {options.id}")
    sys.stdout.write(f"batch {options.id} is cancelled\n")
    return 0
