"""Several instances that are started again when they die, as systemd does it."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import threading
from tempfile import TemporaryDirectory
from typing import Self

from tests.support.process import Catalogd, Event, Process
from tests.support.waiting import wait_until

NO_RESTART = {0, 2, 78}  # a clean stop, usage, configuration: systemd/catalogd.service
RESTART_DELAY_S = 0.05


class Fleet:
    """`size` instances of the real command. One that ends with an exit code that asks for it, or by a signal, is
    started again by the thread that waits for it. One that is ready and then gives no sign of life for `watchdog_s`
    seconds is killed. On exit all are stopped by SIGTERM."""

    def __init__(
        self,
        catalogd: Catalogd,
        size: int,
        program: str = "daemon",
        watchdog_s: float | None = None,
        **environment: str,
    ) -> None:
        self._catalogd = catalogd
        self._program = program
        self._environment = environment
        self._watchdog_s = watchdog_s
        self._lock = threading.Condition()
        self._is_over = threading.Event()
        self._alive: dict[int, Process] = {}  # by place
        self._threads = [
            threading.Thread(target=self._keep_running, args=(place,), name=f"fleet-{place}") for place in range(size)
        ]
        self.dead: list[Process] = []
        self.codes: list[int] = []  # exit codes of the dead, in the order of their deaths

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def deaths(self) -> int:
        """How many ended with a code that asks for a restart."""
        return len([code for code in self.codes if code not in NO_RESTART])

    @property
    def all(self) -> list[Process]:
        """Every process there ever was."""
        with self._lock:
            return [*self.dead, *self._alive.values()]

    @property
    def instances(self) -> list[str]:
        """The names' beginnings of every process there ever was."""
        return [process.instance for process in self.all]

    def events(self, name: str) -> list[Event]:
        """What all of them have announced by this name."""
        return [event for process in self.all for event in list(process.events) if event["event"] == name]

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Until every place has a process that listens."""
        wait_until(lambda: all(map(self._listens, range(len(self._threads)))), timeout_s)

    def _listens(self, place: int) -> bool:
        process = self._alive.get(place)
        return process is not None and any(event["event"] == "listener.connected" for event in process.events)

    def kill_one(self, rng: random.Random) -> Process:
        """SIGKILL one that lives, whatever it does; it is gone on return."""
        with self._lock:
            self._lock.wait_for(lambda: self._alive)
            victim = self._alive[rng.choice(sorted(self._alive))]
            victim.signal(signal.SIGKILL)
            self._lock.wait_for(lambda: victim not in self._alive.values())
        return victim

    def stop(self, timeout_s: float = 20.0) -> None:
        """SIGTERM to all; until each has ended, by force if it must be."""
        with self._lock:
            self._is_over.set()
            for process in self._alive.values():
                process.signal(signal.SIGTERM)
        for thread in self._threads:
            thread.join(timeout_s)
        for process in list(self._alive.values()):
            process.signal(signal.SIGKILL)
        for thread in self._threads:
            thread.join()

    def _keep_running(self, place: int) -> None:
        with TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.bind(f"{directory}/notify")
            self._restart_in(place, notices)

    def _restart_in(self, place: int, notices: socket.socket) -> None:
        while (process := self._start(place, notices.getsockname())) is not None:
            self._watch(process, notices)
            code = process.popen.wait()
            process.close()
            with self._lock:
                del self._alive[place]
                self.dead.append(process)
                self.codes.append(code)
                self._lock.notify_all()
            if code in NO_RESTART:
                return
            self._is_over.wait(RESTART_DELAY_S)

    def _watch(self, process: Process, notices: socket.socket) -> None:
        """Until it has ended, or is killed because no notice came in time."""
        ended = os.pidfd_open(process.popen.pid)
        try:
            is_ready = False
            while True:
                patience = self._watchdog_s if is_ready else None
                readable, _, _ = select.select([ended, notices], [], [], patience)
                if ended in readable:
                    return
                if not readable:
                    process.signal(signal.SIGKILL)
                    return
                is_ready = notices.recv(4096).startswith(b"READY=1") or is_ready
        finally:
            os.close(ended)

    def _start(self, place: int, address: str) -> Process | None:
        with self._lock:
            if self._is_over.is_set():
                return None
            process = self._catalogd.start(
                ready=False, program=self._program, NOTIFY_SOCKET=address, **self._environment
            )
            self._alive[place] = process
            self._lock.notify_all()
            return process
