"""`catalogd` on the PATH of a shell: a program that has this process fork the real one, which is quicker.

The command has the shell's files, environment and directory. The daemon, which a reader would leave running in another
terminal, is left running: the shell goes on when it listens.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.nursery import popen
from tests.support.process import Process

PROGRAM = f"""\
#!{sys.executable} -IS
import json, os, signal, socket, sys

asked = socket.socket(socket.AF_UNIX)
asked.connect({{path!r}})
wanted = {{{{"arguments": sys.argv[1:], "environment": dict(os.environ), "directory": os.getcwd()}}}}
body = json.dumps(wanted).encode()
socket.send_fds(asked, [len(body).to_bytes(8, "big")], [0, 1, 2])
asked.sendall(body)
pid = int.from_bytes(asked.recv(8), "big")
for signum in (signal.SIGINT, signal.SIGTERM):
    signal.signal(signum, lambda signum, frame: os.kill(pid, signum))
sys.exit(int.from_bytes(asked.recv(8), "big"))
"""
STAYING = {"run": "listener.connected"}  # a command that stays, and the event that says it is ready
PASSING = {"--once", "--help"}  # it does not stay with these


class OnPath:
    """A directory for the PATH, and the thread that does what is asked of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.daemons: list[Process] = []
        self._listening = socket.socket(socket.AF_UNIX)
        path = str(directory / "asked")
        self._listening.bind(path)
        self._listening.listen()
        program = directory / "catalogd"
        program.write_text(PROGRAM.format(path=path), encoding="utf-8")
        program.chmod(0o755)
        self._threads = [threading.Thread(target=self._serve, name="on-path")]
        self._threads[0].start()

    def close(self) -> None:
        """End what is left running; each daemon must end well."""
        self._listening.shutdown(socket.SHUT_RDWR)
        codes = [daemon.stop() for daemon in self.daemons]
        for daemon in self.daemons:
            daemon.close()
        for thread in self._threads:
            thread.join(30)
        self._listening.close()
        assert not any(codes), f"a daemon ended with {codes}"

    def _serve(self) -> None:
        while True:
            try:
                asker, _ = self._listening.accept()
            except OSError:  # it is closed
                return
            thread = threading.Thread(target=self._answer, args=(asker,), name="on-path-command")
            self._threads.append(thread)
            thread.start()

    def _answer(self, asker: socket.socket) -> None:
        with asker:
            length, files, *_ = socket.recv_fds(asker, 8, 3)
            try:
                wanted = json.loads(self._read(asker, int.from_bytes(length, "big")))
                self._do(asker, wanted["arguments"], wanted["environment"], wanted["directory"], files)
            finally:
                for file in files:
                    os.close(file)

    def _do(
        self, asker: socket.socket, arguments: list[str], env: dict[str, str], directory: str, files: list[int]
    ) -> None:
        ready = STAYING.get(arguments[0]) if arguments and not PASSING & set(arguments) else None
        stdin, stdout, stderr = (None, subprocess.PIPE, None) if ready else files
        process = popen(["daemon", *arguments], env, stdin=stdin, stdout=stdout, stderr=stderr, cwd=directory)
        asker.sendall(process.pid.to_bytes(8, "big"))
        code = 0
        if ready:
            self.daemons.append(Process(process))
            self.daemons[-1].wait_for(ready)
        else:
            code = process.wait()
        asker.sendall((code % 256).to_bytes(8, "big"))

    @staticmethod
    def _read(asker: socket.socket, length: int) -> bytes:
        data = b""
        while len(data) < length:
            data += asker.recv(length - len(data))
        return data
