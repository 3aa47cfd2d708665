"""See catalogd at work: a private PostgreSQL, a sample shop, a real daemon, and a report of what it did.

Nothing is needed but the demo extra, nothing is left behind, no database of yours is touched.
"""

import argparse

HELP = "see it work, with a private server and a sample shop"
EXAMPLE = "catalogd demo --products 100000"

FEWEST = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--products", type=int, default=24_000, metavar="N", help="products of the sample shop (default: 24000)"
    )


def act(options: argparse.Namespace) -> int:
    import io
    import sys

    from rich.console import Console

    from daemon.database.embedded import EmbeddedServerError
    from daemon.demo.interrupts import Interrupts
    from daemon.demo.play import DemoFailed, play
    from daemon.demo.screen import Screen
    from daemon.demo.seclusion import secluded
    from daemon.errors import DaemonError, UsageError

    if options.products < FEWEST:
        raise UsageError(f"--products: {options.products} are too few to learn from; at least {FEWEST}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    try:
        with secluded(), Interrupts() as interrupts:
            play(options.products, Screen(console), interrupts)
    except (DemoFailed, EmbeddedServerError) as error:
        raise DaemonError(str(error)) from error
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: everything is stopped, nothing is left behind\n")
        raise
    return 0
