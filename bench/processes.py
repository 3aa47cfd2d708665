"""Processes under measurement: real `catalogd run` instances, what they use, and a sample shop for them."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from daemon.demo.catalogue import sample_catalogue


class Instance:
    """A running daemon; its log goes to a file. Returns when it is ready, which it says as to systemd."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        address = log.with_suffix(".sock")
        address.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears, log.open("wb") as stream:
            ears.bind(str(address))
            ears.settimeout(0.2)
            told = {**environment, "NOTIFY_SOCKET": str(address)}
            began = monotonic()
            self._process = subprocess.Popen(command, env=told, stdout=stream, stderr=subprocess.STDOUT)
            self._wait_until_ready(ears)
            self.ready_after_s = monotonic() - began
        self.pid = self._process.pid

    def _wait_until_ready(self, ears: socket.socket) -> None:
        deadline = monotonic() + 60
        while monotonic() < deadline:
            assert self._process.poll() is None, self.log.read_text(encoding="utf-8")
            try:
                if b"READY=1" in ears.recv(4096).splitlines():
                    return
            except TimeoutError:
                continue
        self._process.kill()
        self._process.wait()
        raise TimeoutError("the daemon does not get ready")

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """The exit code."""
        self._process.send_signal(signum)
        return self._process.wait(60)

    def count(self, event: str) -> int:
        """How often its log names this event."""
        return self.log.read_text(encoding="utf-8").count(f'"event": "{event}"')

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    @property
    def memory_mb(self) -> float:
        return memory_mb(self.pid, "VmRSS")

    @property
    def peak_memory_mb(self) -> float:
        return memory_mb(self.pid, "VmHWM")


def cpu_s(pid: int) -> float:
    """User and system time that a process has used, in ticks of 10 ms; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def exact_cpu_s(pid: int) -> float:
    """Processor time of the threads that a process has now, to the nanosecond; Linux only."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int(task.joinpath("schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def memory_mb(pid: int, field: str) -> float:
    """VmRSS or VmHWM of /proc; Linux only."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"no {field} in /proc")


def write_sample_catalogue(file: Path, products: int) -> None:
    """A file for `catalogd import`, whose last fifth or so has no category."""
    catalogue = sample_catalogue(products)
    categories = {category.code: category for category in catalogue.categories}
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        fields = ("sku", "name", "manufacturer", "part_number", "description")
        writer.writerow([*fields, "attributes", "category_code", "category_label", "category_path", "split"])
        for product in catalogue.products:
            category = categories[product.true_category]
            split = "held" if product.category_code is None else "shown"
            values = [getattr(product, field) for field in fields]
            writer.writerow([*values, json.dumps(product.attributes), *category, split])


def write_json(file: Path | None, content: object) -> None:
    if file is not None:
        file.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
