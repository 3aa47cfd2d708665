"""Show the open batches, the last ones that ended and the periodic duties; or one batch, with --json for scripts."""

import argparse

HELP = "what is open, how far it is, how fast"
EXAMPLE = "catalogd status 42 --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, nargs="?", metavar="ID", help="one batch")
    parser.add_argument("--json", action="store_true", help="a JSON object, or an array of them without an ID")


def act(options: argparse.Namespace) -> int:
    import json
    import sys
    from dataclasses import asdict

    from daemon.commands.batches import list_batches, show_batches, show_drift
    from daemon.commands.connection import connected
    from daemon.commands.duties import describe_duties
    from daemon.errors import UsageError
    from daemon.workloads.categorization.drift.store import read_drift
    from daemon.workloads.categorization.drift.telling import keys_of

    with connected("status") as conn:
        batches = list_batches(conn, options.id)
        drifts = read_drift(conn, [batch.id for batch in batches])
        duties = list(describe_duties(conn)) if options.id is None and not options.json else []
    if options.id is not None and not batches:
        raise UsageError(f"there is no batch {options.id}")
    if options.json:
        rows = [
            asdict(batch) | {"drift": keys_of(drifts[batch.id]) if batch.id in drifts else None} for batch in batches
        ]
        sys.stdout.write(json.dumps(rows if options.id is None else rows[0], default=str) + "\n")
    elif not batches:
        sys.stdout.write("no batch was ever inserted\n")
    else:
        show_batches(batches)
        show_drift([drift for drift in drifts.values() if drift.outside or options.id is not None])
    sys.stdout.writelines(f"{line}\n" for line in duties)
    return 0
