"""A command in a terminal of its own: a real pseudo-terminal of any size, and what was written to it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from typing import Self


class Terminal:
    """Runs `catalogd` with these arguments; all that it writes is kept."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], columns: int = 80, lines: int = 24) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        own = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "daemon", *arguments],
            env={"TERM": "xterm-256color"} | own,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        self.text = ""
        self._written = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="terminal")
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._slave)  # then the reader comes to its end
        self._reader.join(10)
        os.close(self._master)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait_for(self, pattern: str, after: int = 0, timeout_s: float = 20.0) -> re.Match[str]:
        """The first match in what was written from `after` on."""
        with self._written:
            if not self._written.wait_for(lambda: re.search(pattern, self.text[after:]), timeout_s):
                raise AssertionError(f"{pattern!r} was not written within {timeout_s} s: {self.text[-3000:]!r}")
            found = re.search(pattern, self.text[after:])
        assert found is not None
        return found

    def signal(self, signum: int) -> int:
        """The exit code afterwards."""
        self._process.send_signal(signum)
        code = self._process.wait(10)
        self.settings = termios.tcgetattr(self._slave)
        return code

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # nobody has the other end open any more
                return
            with self._written:
                self.text += data.decode(errors="replace")
                self._written.notify_all()
