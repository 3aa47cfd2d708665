"""Where commands print: a terminal as wide as it is, and a pipe, which has no width of its own."""

import io
import sys

from rich.console import Console

PIPE_WIDTH = 10_000  # nothing may be cut or wrapped for a grep


def open_console() -> Console:
    """On stdout. Colours on a terminal only, and none with NO_COLOR."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a bar, or a name, in an alphabet that the terminal has not
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console
