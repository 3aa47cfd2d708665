"""Print a script that makes catalogd a service of this machine: roles, tables, settings and unit. It writes nothing.

Read it, change what is different with you, and run it as root. What this environment sets (DATABASE_URL,
CATALOGD_WORKERS and so on, or a .env file) goes into the settings; a password does not.
"""

import argparse

HELP = "print the unit, the settings and the SQL for this machine"
EXAMPLE = "catalogd install --print > install.sh"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--print", action="store_true", required=True, dest="is_printed", help="to the terminal; nothing else is done"
    )
    parser.add_argument(
        "--instances", type=instances, default=0, metavar="N", help="several instances, named catalogd@1 and so on"
    )


def instances(text: str) -> int:
    """For argparse: how many."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError("a whole number from 1 to 64 is wanted")
    return int(text)


def act(options: argparse.Namespace) -> int:
    import os
    import sys

    from daemon.installation.script import Installation
    from daemon.installation.surroundings import look_around
    from daemon.settings import read_settings

    here = look_around(read_settings(needs_database=False), os.environ)
    sys.stdout.write(Installation(here, options.instances).script())
    return 0
