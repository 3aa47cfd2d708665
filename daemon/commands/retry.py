"""Set a finished batch back to pending; only items without a result are treated again."""

import argparse

HELP = "treat again what is left of a batch"
EXAMPLE = "catalogd retry 42"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="the batch")


def act(options: argparse.Namespace) -> int:
    import sys

    from daemon.commands.connection import connected, queue_of_categorization
    from daemon.errors import UsageError

    with connected("retry") as conn:
        if not queue_of_categorization().retry(conn, options.id):
            raise UsageError(
                f"there is no batch {options.id} that has ended and may be tried again (twice at most);"
                f" see: catalogd status {options.id}"
            )
    sys.stdout.write(f"batch {options.id} is pending again\n")
    return 0
