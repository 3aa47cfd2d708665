"""Say in words why a prediction was made: its category, its confidence and the evidence, strongest first."""

import argparse

HELP = "the evidence for a prediction, in words"
EXAMPLE = "catalogd explain 1234"
ROLE = "catalogd_operator"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="PREDICTION_ID", help="predictions.id")


def act(options: argparse.Namespace) -> int:
    import sys

    from daemon.commands.connection import connected
    from daemon.errors import UsageError
    from daemon.workloads.categorization.explanation import explain
    from daemon.workloads.categorization.partitioning.partition import lowest_id
    from daemon.workloads.categorization.store import read_explained

    with connected("explain") as conn:
        found = read_explained(conn, options.id)
        lowest = lowest_id(conn)
    if found is None and lowest is not None and options.id < lowest:
        raise UsageError(
            f"prediction {options.id} was detached: those below {lowest} are in tables predictions_from_..."
        )
    if found is None:
        raise UsageError(f"there is no prediction {options.id}")
    sys.stdout.write(explain(*found) + "\n")
    return 0
