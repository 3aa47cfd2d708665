"""Arguments that are files: shells complete them."""

import argparse

# As shtab wants it; to import that only to say so would take its time at each start.
_COMPLETED = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}


def is_file(argument: argparse.Action) -> None:
    """Let shells complete this argument with the names of files."""
    argument.complete = _COMPLETED  # type: ignore[attr-defined]
