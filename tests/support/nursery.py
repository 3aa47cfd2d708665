"""Processes that begin as forks of one that has imported the libraries: half a second of CPU less for each.

All that a test can see is as if the interpreter had been started anew: its own pid and environment, a child of the
test, signals, exit code, and the project's own modules imported for it alone. Only the libraries were read before.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

PROGRAM = "tests.support.forked"
ROOT = Path(__file__).parents[2]

# Of these an interpreter or a library takes notice at its own start alone.
EARLY = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "FAKETIME", "COVERAGE", "OPENBLAS_", "OMP_", "MKL_")
UNBUFFERED = "PYTHONUNBUFFERED"  # this one is followed

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def popen(arguments: Sequence[str], env: Mapping[str, str], prefix: Sequence[str] = (), **more: Any) -> Any:
    """`python -m` with these arguments, as text; forked where nobody can tell the difference, else started anew."""
    if prefix or not is_forkable(env):
        return subprocess.Popen([*prefix, sys.executable, "-m", *arguments], env=env, text=True, **more)
    return Forked(arguments, env=env, text=True, **more)


def is_forkable(env: Mapping[str, str]) -> bool:
    """Whether an interpreter that started with our own environment would have started the same with this one."""
    if sys.platform != "linux" or any(name.startswith("COVERAGE") for name in env):
        return False
    return early(env) == early(os.environ)


def early(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(EARLY) and name != UNBUFFERED}


class Nursery:
    """The process that is forked, and the way to ask it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection, other_end = socket.socketpair()
        with other_end:
            self._process = subprocess.Popen(
                [sys.executable, "-m", PROGRAM, str(other_end.fileno())],
                pass_fds=[other_end.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # it must have one thread
            )

    def fork(self, arguments: Sequence[str], env: Mapping[str, str], cwd: str | None, files: Sequence[int]) -> int:
        """The pid of a new process, a child of ours, whose first three files are these."""
        wanted = {"arguments": list(arguments), "environment": dict(env), "directory": cwd or str(Path.cwd())}
        body = json.dumps(wanted).encode()
        with self._lock:
            adopt_orphans(True)
            try:
                socket.send_fds(self._connection, [len(body).to_bytes(8, "big")], files)
                self._connection.sendall(body)
                answer = self._connection.recv(8)
            finally:
                adopt_orphans(False)
        assert answer, "the nursery has ended"
        return int.from_bytes(answer, "big")

    def close(self) -> None:
        self._connection.close()
        self._process.wait()


def adopt_orphans(is_wanted: bool) -> None:
    """Whether a process whose parent has ended becomes our child, if we were that one's ancestor."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(is_wanted), 0, 0, 0) == 0


@cache
def nursery() -> Nursery:
    """The one of this process; made when it is first asked for."""
    return Nursery()


def close_nursery() -> None:
    """End it, if there is one."""
    if nursery.cache_info().currsize:
        nursery().close()
        nursery.cache_clear()


class Forked(subprocess.Popen[str]):
    """A Popen whose process comes from the nursery; pipes, waiting and signals are those of the library."""

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, *more: Any) -> None:
        _pass_fds, cwd, env, _startup, _flags, _shell, *ends = more[:12]
        own = (0, 1, 2)
        files = [end if end != -1 else own[at] for at, end in enumerate((ends[0], ends[3], ends[5]))]
        self.pid = nursery().fork(args, env, cwd, files)
        self._child_created = True
        self._close_pipe_fds(*ends)  # type: ignore[attr-defined]
