"""A child process that does long work beside the daemon: the last for processor and disk, the first to go."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import structlog

import daemon

log = structlog.get_logger()

LOOK_EVERY_S = 0.2  # for the stop and the end of the time
PR_SET_PDEATHSIG = 1
WEIGHINGS = 5
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class ChildStopped(Exception):
    """It was ended because the daemon stops."""


class ChildFailed(Exception):
    """It ended otherwise than with exit code 0; the message is the last that it said."""


def run_beside(
    arguments: Sequence[str],
    stop: Event,
    longest: timedelta,
    beat: Callable[[], object] = lambda: None,
) -> None:
    """Run `catalogd` with these arguments to its end, as a child whose events go where ours go.

    The settings are in the environment that it inherits. It is ended at once when `stop` is set, and with the thread
    that called this, however that ends. Meanwhile `beat` is called a few times a second. Raises ChildStopped and
    ChildFailed.
    """
    command = [sys.executable, "-P", "-m", "daemon", *arguments, "--child-of", str(os.getpid())]
    ends = monotonic() + longest.total_seconds()
    with subprocess.Popen(  # noqa: S603  # our own program
        command,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is for us; and Linux weighs sessions against each other: see _weigh_less
    ) as child:
        try:
            while True:
                try:
                    _, said = child.communicate(timeout=LOOK_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    beat()
                    if stop.is_set():
                        raise ChildStopped from None
                    if monotonic() > ends:
                        raise ChildFailed(f"it was ended after {longest}") from None
        finally:
            child.kill()  # harmless to one that has ended
    if child.returncode:
        raise ChildFailed(_last_line(said) or _ending(child.returncode))


def become_background(parent: int) -> None:
    """In the child, first of all: it ends with its parent's thread, gives way to others, and where memory runs out it
    goes first."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)
    _give_way(os.getpriority(os.PRIO_PROCESS, 0) + 10)
    _weigh_less(10)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def go_last() -> None:
    """In the child, for what takes long: from now on it has what nobody else wants, of the processor and of the disk.

    Not to be done in a transaction: where others want everything, minutes may pass between two statements.
    """
    gives_way, weighs_less = _give_way(19), _weigh_less(19)
    if not gives_way and not weighs_less:
        log.warning("child.not_last", hint="it may not lower its priority: see systemd/learning.conf")
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _give_way(nice: int) -> bool:
    """Whether it could be said: systemd's filter of system calls may forbid it."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        return False
    return True


def _weigh_less(nice: int) -> bool:
    """Where Linux groups processes by session (sched(7), autogroup), how nice one is counts within its group alone: so
    the group must be nice, too. In the daemon's group it would have whatever the daemon leaves, before the server.
    Returns whether it could be said."""
    for _ in range(WEIGHINGS):
        try:
            Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
        except BlockingIOError:  # somebody has said so a moment ago; the kernel hears it ten times a second
            Event().wait(0.15)
        except OSError:
            return False
        else:
            return True
    return False


def _environment() -> dict[str, str]:
    checkout = str(Path(daemon.__file__).parents[1])  # so that it also runs where it is not installed
    path = os.pathsep.join(filter(None, (checkout, os.environ.get("PYTHONPATH"))))
    kept = {name: value for name, value in os.environ.items() if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
    return kept | ONE_THREAD | {"PYTHONPATH": path}


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("catalogd: ")[:300] if lines else ""


def _ending(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}; by want of memory?"
