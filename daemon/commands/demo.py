"""See catalogd at work: a private PostgreSQL, a sample shop, a real daemon, and a report of what it did.

Nothing is needed but the demo extra, nothing is left behind, no database of yours is touched. With --catalogue it only
writes its sample catalogue into a file, for a shop of your own to try things out (catalogd import).
"""

import argparse

HELP = "see it work, with a private server and a sample shop"
EXAMPLE = "catalogd demo --products 100000"

FEWEST = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--products", type=int, default=24_000, metavar="N", help="products of the sample shop (default: 24000)"
    )
    parser.add_argument("--catalogue", metavar="FILE", help="only write the sample catalogue, for catalogd import")


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
    if options.catalogue is not None:
        return _write(options.products, options.catalogue)
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


def _write(products: int, name: str) -> int:
    import sys
    from pathlib import Path

    from daemon.demo.catalogue import sample_catalogue
    from daemon.demo.sample_file import NEW, SPLIT, write_catalogue
    from daemon.errors import DaemonError, UsageError

    try:
        new = write_catalogue(sample_catalogue(products), Path(name))
    except FileExistsError:
        raise UsageError(f"--catalogue: {name} exists already; name another file") from None
    except OSError as error:
        raise DaemonError(f"{name} cannot be written: {error.strerror}") from error
    sys.stdout.write(
        f"wrote {products:,} products into {name}, {new:,} of them new: load it by\n"
        f"catalogd import {name} --hold-out {SPLIT}={NEW}\n"
    )
    return 0
