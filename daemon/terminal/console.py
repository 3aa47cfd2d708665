"""Where commands print: a terminal as wide as it is, and a pipe, which has no width of its own."""

import io
import sys

from rich.console import Console

PIPE_WIDTH = 10_000  # nothing may be cut or wrapped for a grep


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """A reader that has gone is for the command line to deal with, which takes it for no error; rich would."""
        raise BrokenPipeError


def open_console() -> Console:
    """On stdout. Colours on a terminal only, and none with NO_COLOR."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a bar, or a name, in an alphabet that the terminal has not
    console = _Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console
