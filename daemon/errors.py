"""The errors that end a command, each with its exit code; the message is one sentence for people."""


class DaemonError(Exception):
    """Root of catalogd's own errors. `exit_code` is what the process returns when one ends it."""

    exit_code = 1


class UsageError(DaemonError):
    """The command was given something it cannot work with: an unknown id, a missing file."""

    exit_code = 2


class ConfigurationError(DaemonError):
    """A setting is wrong; starting again without a change cannot help."""

    exit_code = 78


class SchemaMismatch(ConfigurationError):
    """The database's schema is not the one this version works with; the message names the command to run."""
