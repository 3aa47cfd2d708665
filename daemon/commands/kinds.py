"""Which kind of work a command is about."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from daemon.terminal.naming import USUAL
from daemon.workloads.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.workloads.kind import Kind


def add_kind(parser: argparse.ArgumentParser, *, default: str | None = USUAL) -> None:
    """Without a default, that is for the command to say."""
    of = "" if default is None else f" (default: {default})"
    parser.add_argument(
        "--of",
        choices=[entry.name for entry in REGISTRY],
        default=default,
        help=f"the kind of work that the batch is of{of}",
    )


def kinds_of(options: argparse.Namespace) -> Sequence[Kind]:
    """The kind that was named, or all."""
    return [entry.describe() for entry in REGISTRY if options.of in (None, entry.name)]


def kind_of(options: argparse.Namespace) -> Kind:
    """The kind that was named, or the usual one."""
    return next(entry.describe() for entry in REGISTRY if entry.name == (options.of or USUAL))


def require_installed(name: str) -> None:
    """Raises DaemonError where the libraries of this kind of work are missing."""
    from daemon.errors import DaemonError

    entry = next(entry for entry in REGISTRY if entry.name == name)
    if not entry.is_installed:
        raise DaemonError(f"libraries are missing here: pip install 'catalogd[{entry.extra}]'")
