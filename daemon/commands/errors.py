"""List the items of a batch that could not be treated, with a stable code and the reason."""

import argparse

HELP = "the items of a batch that are in error"
EXAMPLE = "catalogd errors 42"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID", help="the batch")


def act(options: argparse.Namespace) -> int:
    import sys

    from daemon.commands.batches import list_batches
    from daemon.commands.connection import connected
    from daemon.errors import UsageError
    from daemon.workloads.categorization.explanation import one_line

    with connected("errors") as conn:
        if not list_batches(conn, options.id):
            raise UsageError(f"there is no batch {options.id}")
        last = 0
        while page := conn.execute(  # page by page: a pager that waits must hold no transaction open
            "SELECT id, left(item::text, 200), code, message FROM categorization_errors"
            " WHERE batch_id = %s AND id > %s ORDER BY id LIMIT 1000",
            (options.id, last),
        ).fetchall():
            for last, item, code, message in page:  # noqa: B007  # the last id is where the next page begins
                sys.stdout.write(f"{one_line(item)}\t{one_line(code)}\t{one_line(message)}\n")
    return 0
