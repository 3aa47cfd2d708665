"""Cancel an open batch: no further slice of it starts; what is committed stays."""

import argparse

from daemon.commands.kinds import add_kind

HELP = "stop a batch"
EXAMPLE = "catalogd cancel 42"
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
    with connected("cancel") as conn:
        if not queue_of(kind).cancel(conn, options.id):
            elsewhere = find_elsewhere(conn, kind, options.id, "cancel")
            raise UsageError(
                f"there is no open {call(kind, options.id)}; see: {ask('status', kind, options.id)}{elsewhere}"
            )
    sys.stdout.write(f"{call(kind, options.id)} is cancelled\n")
    return 0
