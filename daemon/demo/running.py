"""Runs a real daemon, `catalogd run`, beside us, and ends it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

import daemon
from daemon.database.embedded import PARENT_DEATH

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
LISTS = "price-lists"  # its folder of fetched lists


class DaemonFailed(Exception):
    """The daemon did not start, ended by itself, or did not end well."""


class RunningDaemon:
    """A daemon process; its log is a file in `directory`. Leaving the context ends it, by force if need be."""

    def __init__(self, conninfo: str, directory: Path) -> None:
        self._conninfo = conninfo
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    @property
    def log_file(self) -> Path:
        """One JSON object a line."""
        return self._directory / "daemon.log"

    @property
    def incoming(self) -> Path:
        """The folder that it takes price lists from."""
        return self._directory / LISTS / "incoming"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Return when it is ready; it says so as it does to systemd. Raises DaemonFailed when it does not."""
        address = self._directory / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears, self.log_file.open("ab") as log:
            ears.bind(str(address))
            ears.settimeout(0.1)
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [*_tied_to_us(), sys.executable, "-m", "daemon", "run"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._directory,  # where no .env file is
                env=environment_of_daemon(os.environ, self._conninfo, address),
                start_new_session=True,  # Ctrl-C in the terminal is for us, who stop the daemon ourselves
            )
            self._wait_until_ready(ears)

    def require_alive(self) -> None:
        """Raises DaemonFailed when the process has ended."""
        code = self._process.poll() if self._process else 0
        if code is not None:
            raise DaemonFailed(f"the daemon ended by itself, with exit code {code}")

    def stop(self) -> None:
        """Ask it to stop, as systemd does, and wait. Raises DaemonFailed unless it exits with 0, in time."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise DaemonFailed(f"the daemon did not stop within {STOP_TIMEOUT_S:.0f} seconds of SIGTERM") from None
        if code != 0:
            raise DaemonFailed(f"the daemon stopped with exit code {code}")

    def log_tail(self, lines: int = 10) -> str:
        """The end of its log; empty when there is none."""
        try:
            log = self.log_file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(line[:500] for line in log.splitlines()[-lines:])

    def _wait_until_ready(self, ears: socket.socket) -> None:
        deadline = monotonic() + START_TIMEOUT_S
        while monotonic() < deadline:
            self.require_alive()
            try:
                message = ears.recv(4096)
            except TimeoutError:
                continue
            if b"READY=1" in message.splitlines():
                return
        raise DaemonFailed(f"the daemon was not ready within {START_TIMEOUT_S:.0f} seconds")

    def _end(self) -> None:
        """Whatever happened: afterwards it is gone."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()  # harmless to one that has ended
            self._process.wait()


def environment_of_daemon(inherited: Mapping[str, str], conninfo: str, notify_socket: Path) -> dict[str, str]:
    """The environment of a daemon on that database: nothing in ours that is meant for another one."""
    foreign = ("DATABASE_URL", "DB_", "CATALOGD_", "PG", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "ML_", "USE_ML_")
    kept = {name: value for name, value in inherited.items() if not name.startswith(foreign)}
    checkout = str(Path(daemon.__file__).parents[1])  # so that it also runs where it is not installed
    return kept | {
        "DATABASE_URL": conninfo,
        "CATALOGD_LOG_FORMAT": "json",
        "CATALOGD_METRICS": "off",
        "CATALOGD_PRICE_LIST_FOLDER": str(notify_socket.parent / LISTS),
        "NOTIFY_SOCKET": str(notify_socket),
        "PYTHONPATH": os.pathsep.join(filter(None, (checkout, inherited.get("PYTHONPATH")))),
    }


def _tied_to_us() -> tuple[str, ...]:
    """A prefix by which the kernel stops the process when we are killed; empty where there is no such way."""
    try:
        subprocess.run([*PARENT_DEATH, "true"], check=True, capture_output=True)  # noqa: S603  # a constant
    except (OSError, subprocess.CalledProcessError):
        return ()
    return PARENT_DEATH
