"""Follow one batch to its end: its progress, its items in error as they come, and what the audit log says of it.

Exit status: 0 once it is completed, though items may be in error; 1 when it failed, was cancelled or was deleted. While
the database is away it says so and waits. It asks the database twice a second at most.
"""

import argparse

from daemon.commands.kinds import add_kind

HELP = "follow one batch to its end"
EXAMPLE = "catalogd tail 42"
ROLE = "catalogd_operator"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="the batch")
    add_kind(parser)
    parser.add_argument("--json", action="store_true", help="a JSON object a line instead of words")


def act(options: argparse.Namespace) -> int:
    from threading import Event

    from daemon.commands.connection import connect, connected
    from daemon.commands.kinds import kind_of
    from daemon.commands.trouble import explain
    from daemon.errors import UsageError
    from daemon.terminal.batches import find_elsewhere, list_batches
    from daemon.terminal.following import Follower, follow
    from daemon.terminal.lifeline import Lifeline
    from daemon.terminal.naming import call
    from daemon.terminal.ticker import JsonTicker, Ticker

    kind = kind_of(options)
    with connected("tail") as conn:
        if not list_batches(conn, kind, options.id):
            elsewhere = find_elsewhere(conn, kind, options.id, "tail")
            raise UsageError(f"there is no {call(kind, options.id)}{elsewhere or '; those there are: catalogd status'}")
    ticker = JsonTicker(kind, options.id) if options.json else Ticker(kind, options.id)
    lifeline = Lifeline(lambda: connect("tail"))
    try:
        is_completed = follow(Follower(kind, options.id), lifeline, ticker, explain, Event())
    finally:
        lifeline.close()
    return 0 if is_completed else 1
