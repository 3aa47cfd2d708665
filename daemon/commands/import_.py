"""..."""

import argparse

HELP = ""
EXAMPLE = ""


def add_arguments(parser: argparse.ArgumentParser) -> None: ...
def act(options: argparse.Namespace) -> int:
    return 0
