"""Set a finished batch back to pending; only items without a result are treated again."""

import argparse

from daemon.commands.kinds import add_kind

HELP = "treat again what is left of a batch"
EXAMPLE = "catalogd retry 42"
ROLE = "catalogd_runtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="the batch")
    add_kind(parser)


def act(options: argparse.Namespace) -> int:
    import sys

    from daemon.commands.connection import connected, queue_of
    from daemon.commands.kinds import kind_of
    from daemon.errors import UsageError
    from daemon.terminal.batches import find_elsewhere
    from daemon.terminal.naming import ask, call

    kind = kind_of(options)
    with connected("retry") as conn:
        if not queue_of(kind).retry(conn, options.id):
            raise UsageError(
                f"there is no {call(kind, options.id)} that has ended and may be tried again (twice at most);"
                f" see: {ask('status', kind, options.id)}{find_elsewhere(conn, kind, options.id, 'retry')}"
            )
    sys.stdout.write(f"{call(kind, options.id)} is pending again\n")
    return 0
