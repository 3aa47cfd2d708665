"""Show how right the predictions proved to be, by what people decided, and the threshold for a wanted precision.

Right is a prediction that people approved, or recommended the same category for; wrong is one that they rejected, or
recommended another for. The last decision on each counts; where they had named the product's category before, its later
predictions repeat it and do not count. What nobody decided on is not in the figures: where people
look at some predictions rather than at others, so do they.
"""

import argparse

HELP = "how right the predictions proved to be; the threshold for a wanted precision"
EXAMPLE = "catalogd precision --wanted 99"
ROLE = "catalogd_operator"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wanted", type=percent, default=99.0, metavar="PERCENT", help="of what is at or above (default: 99)"
    )
    parser.add_argument("--json", action="store_true", help="a JSON object")


def percent(text: str) -> float:
    """For argparse: a share that decisions can show."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 50 <= value <= 99.99:
        raise argparse.ArgumentTypeError(f"from 50 to 99.99 is wanted, not {text!r}")
    return value


def act(options: argparse.Namespace) -> int:
    import json
    import sys

    from daemon.commands.connection import connected
    from daemon.terminal.precisions import as_dict, read_report, show_report
    from daemon.terminal.words import for_json

    with connected("precision") as conn:
        report = read_report(conn, options.wanted / 100)
    if options.json:
        sys.stdout.write(json.dumps(as_dict(report), default=for_json) + "\n")
    else:
        show_report(report)
    return 0
