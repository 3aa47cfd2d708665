"""Modules are compiled once in a run of the suite, also where the environment forbids to keep what was compiled.

Its processes are more than a thousand, and each of them would compile the project anew: a third of what it costs to
start a daemon.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def kept_for_this_run() -> Iterator[None]:
    """In a directory that is gone afterwards: nothing is written beside the sources, and nothing outlives them."""
    if not sys.dont_write_bytecode:
        yield
        return
    with (
        tempfile.TemporaryDirectory(prefix="catalogd-bytecode-", ignore_cleanup_errors=True) as place,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", place)
        patch.setattr(sys, "dont_write_bytecode", False)
        patch.setattr(sys, "pycache_prefix", place)
        yield
