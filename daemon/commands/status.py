"""Show the open batches, the last ones that ended and the periodic duties; or one batch, with --json for scripts."""

import argparse

from daemon.commands.kinds import add_kind

HELP = "what is open, how far it is, how fast"
EXAMPLE = "catalogd status 42 --of price-lists --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, nargs="?", metavar="ID", help="one batch")
    add_kind(parser, default=None)
    parser.add_argument("--json", action="store_true", help="a JSON object, or an array of them without an ID")


def act(options: argparse.Namespace) -> int:
    import json
    import sys

    from daemon.commands.batches import find_elsewhere, list_batches, show_batches, show_remarks
    from daemon.commands.connection import connected
    from daemon.commands.duties import describe_duties
    from daemon.commands.kinds import call, kind_of, kinds_of
    from daemon.errors import UsageError

    kinds = kinds_of(options) if options.id is None else [kind_of(options)]
    with connected("status") as conn:
        listed = [each for kind in kinds for each in list_batches(conn, kind, options.id)]
        if options.id is not None and not listed:
            elsewhere = find_elsewhere(conn, kinds[0], options.id, "status")
            raise UsageError(f"there is no {call(kinds[0], options.id)}{elsewhere}")
        duties = list(describe_duties(conn)) if options.id is None and not options.json else []
    if options.json:
        rows = [each.as_json for each in listed]
        sys.stdout.write(json.dumps(rows if options.id is None else rows[0], default=str) + "\n")
    elif not listed:
        sys.stdout.write("no batch was ever inserted\n")
    else:
        show_batches(listed)
        show_remarks([each for each in listed if each.sight.is_warning or options.id is not None])
    sys.stdout.writelines(f"{line}\n" for line in duties)
    return 0
