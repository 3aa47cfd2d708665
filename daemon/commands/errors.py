"""List the items of a batch that could not be treated, with a stable code and the reason.

A line each, with tabs between: item, code and message; of a price list, whose items are lines, also the column, and
what stands there.
"""

import argparse

from daemon.commands.kinds import add_kind

HELP = "the items of a batch that are in error"
EXAMPLE = "catalogd errors 42"
ROLE = "catalogd_operator"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="the batch")
    add_kind(parser)


def act(options: argparse.Namespace) -> int:
    import sys

    from daemon.batches.reading import list_errors
    from daemon.commands.connection import connected
    from daemon.commands.kinds import kind_of
    from daemon.errors import UsageError
    from daemon.terminal.batches import find_elsewhere, list_batches
    from daemon.terminal.naming import call
    from daemon.workloads.categorization.explanation import one_line

    kind = kind_of(options)
    with connected("errors") as conn:
        if not list_batches(conn, kind, options.id):
            elsewhere = find_elsewhere(conn, kind, options.id, "errors")
            raise UsageError(f"there is no {call(kind, options.id)}{elsewhere}")
        for error in list_errors(conn, kind, options.id):
            known = error.details if isinstance(error.details, dict) else {}
            details = (str(known.get(key, "")) for key in kind.details)
            texts = [one_line(text) for text in (kind.call_item(error.item), error.code, error.message, *details)]
            sys.stdout.write("\t".join(texts) + "\n")
    return 0
