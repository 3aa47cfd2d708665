"""Runs the real `catalogd` command, and waits for the events on its stdout."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from tests.support.nursery import popen

Event = dict[str, Any]


@dataclass
class Process:
    """A running `catalogd run`; its log is read by a thread as it comes."""

    popen: subprocess.Popen[str]
    events: list[Event] = field(default_factory=list)
    _condition: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, name=f"log-{self.popen.pid}")
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            event = json.loads(line)  # every line on stdout is one JSON object
            with self._condition:
                self.events.append(event)
                self._condition.notify_all()
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, name: str, count: int = 1, timeout_s: float = 30.0, **keys: object) -> Event:
        """The `count`-th event of this name with these values; fails when it does not come."""

        def found() -> list[Event]:
            return [e for e in self.events if e["event"] == name and keys.items() <= e.items()]

        with self._condition:
            if not self._condition.wait_for(lambda: len(found()) >= count, timeout_s):
                raise AssertionError(f"no {name} {keys or ''} within {timeout_s} s; seen: {self.events[-30:]}")
            return found()[count - 1]

    @property
    def instance(self) -> str:
        """How its name begins, by which its sessions are known; also when it died before it could tell."""
        return f"{socket.gethostname()}:{self.popen.pid}:"

    def named(self, name: str) -> list[Event]:
        """The events of this name, so far."""
        return [event for event in list(self.events) if event["event"] == name]

    def signal(self, signum: int) -> None:
        self.popen.send_signal(signum)

    def wait(self, timeout_s: float = 30.0) -> int:
        """The exit code."""
        code = self.popen.wait(timeout_s)
        self._reader.join(timeout_s)
        return code

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


class Catalogd:
    """The command, pointed at one database; `prefix` is a command that runs it, as env or nice do. `daemon_dsn` is the
    daemon's way there, where it has a role of its own."""

    def __init__(self, dsn: str, prefix: Sequence[str] = (), daemon_dsn: str | None = None, **environment: str) -> None:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("DB_", "CATALOGD_", "PG"))
        }
        self.environment = inherited | {"DATABASE_URL": dsn, "CATALOGD_LOG_FORMAT": "json", "PYTHONUNBUFFERED": "1"}
        self.environment["CATALOGD_LEARN"] = "off"  # or what a test teaches it would be learned beside it
        self.environment["CATALOGD_METRICS"] = "off"  # several are started beside each other
        self.environment |= environment
        self._of_the_daemon = {"DATABASE_URL": daemon_dsn or dsn}
        self._prefix = prefix
        self._started: list[Process] = []

    def __call__(
        self, *arguments: str, timeout_s: float = 60.0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; stdout, stderr and the exit code are the caller's to judge."""
        own = self._of_the_daemon if arguments[:1] == ("run",) else {}
        with self.popen(*arguments, **own | environment) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def popen(
        self,
        *arguments: str,
        program: str = "daemon",
        stdout: int | TextIO = subprocess.PIPE,
        stderr: int | TextIO | None = subprocess.PIPE,
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Start a command, by this or another module; to wait for its end is the caller's."""
        process: subprocess.Popen[str] = popen(
            [program, *arguments], self.environment | environment, self._prefix, stdout=stdout, stderr=stderr
        )
        return process

    def start(
        self,
        *arguments: str,
        ready: bool = True,
        program: str = "daemon",
        stderr: TextIO | None = None,
        **environment: str,
    ) -> Process:
        """Start `catalogd run`, by this or another module, and unless told otherwise wait until it listens."""
        process = Process(
            self.popen("run", *arguments, program=program, stderr=stderr, **self._of_the_daemon | environment)
        )
        self._started.append(process)
        if ready:
            process.wait_for("listener.connected")
        return process

    def close(self) -> None:
        for process in self._started:
            process.close()
