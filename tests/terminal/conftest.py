"""The command line in this process, as for the tests of commands."""

from tests.commands.conftest import command

__all__ = ["command"]
