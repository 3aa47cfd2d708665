"""A real systemd in namespaces of its own, which runs the units of this checkout with this Python."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot.sh")
SYSTEMD = Path("/lib/systemd/systemd")
NEEDED = ("unshare", "nsenter", "setpriv", "pivot_root", "mount", "systemctl")

Event = dict[str, Any]


def why_not() -> str | None:
    """Why no systemd can be booted here; None when it can."""
    if os.geteuid() != 0:
        return "systemd is booted by root alone"
    if not SYSTEMD.exists():
        return "systemd is not installed"
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if cgroups() is None:
        return "there is no cgroup2 that can be written"
    namespaces = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "true"]
    tried = subprocess.run(namespaces, capture_output=True, check=False)
    if tried.returncode:
        return "namespaces cannot be made here"
    unreadable = [path for path in (ROOT, ROOT / "daemon", site_packages()) if path.stat().st_mode & 0o5 != 0o5]
    return f"{unreadable[0]} cannot be read by others than its owner" if unreadable else None


def cgroups() -> Path | None:
    """Where cgroups of version 2 are made."""
    for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")):
        if (path / "cgroup.procs").exists() and os.access(path, os.W_OK):
            return path
    return None


def site_packages() -> Path:
    return Path(sysconfig.get_paths()["purelib"])


class Machine:
    """Boots on entry, and is gone on exit with all that runs in it. Units are named as systemctl names them."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self.log = work / "log"
        for folder in ("root", "overlay", "units", "settings", "log"):
            (work / folder).mkdir()
        for unit in (ROOT / "systemd").iterdir():
            shutil.copy(unit, work / "units")
        program = work / "catalogd"
        program.write_text(self._program("daemon"), encoding="utf-8")
        program.chmod(0o755)

    def __enter__(self) -> Self:
        place = cgroups()
        assert place is not None
        self._cgroup = place / f"catalogd-test-{os.getpid()}"
        self._cgroup.mkdir()
        script = (
            f'echo $$ > "{self._cgroup}/cgroup.procs" && exec setpriv --pdeathsig KILL'
            " unshare --mount --pid --ipc --uts --cgroup --fork --kill-child"
            f' sh "{BOOT}" "{self._work}" "{ROOT}" "{sys.base_prefix}"'
        )
        with (self._work / "console").open("wb") as console:
            self._outer = subprocess.Popen(["sh", "-c", script], stdout=console, stderr=console, start_new_session=True)
        try:
            wait_until(self._is_booted, timeout_s=30)
        except AssertionError:
            self._end()
            raise AssertionError((self._work / "console").read_text(errors="replace")) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    def run(self, *command: str, check: bool = True) -> str:
        """Inside; what it writes."""
        inside = ["nsenter", "--target", str(self._init()), "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--"]
        result = subprocess.run([*inside, *command], capture_output=True, text=True, check=False, cwd="/")
        assert result.returncode == 0 or not check, result.stdout + result.stderr
        return result.stdout + result.stderr

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        told = self.systemctl("show", unit, f"--property={','.join(names)}")
        return dict(line.partition("=")[::2] for line in told.splitlines())

    def wait_for(self, unit: str, timeout_s: float = 30.0, **wanted: str) -> None:
        """Until the properties have these values."""
        try:
            wait_until(lambda: self.show(unit, *wanted) == wanted, timeout_s)
        except AssertionError:
            raise AssertionError(f"{self.show(unit, *wanted)}, not {wanted}\n{self.journal(unit)[-4000:]}") from None

    def install(
        self, unit: str, settings: Mapping[str, str], dropin: str = "", program: str = "daemon", **overrides: str
    ) -> None:
        """Settings of the unit, and a drop-in: further lines of its [Service] section."""
        name = unit.removesuffix(".service")
        lines = {"CATALOGD_LEARN": "off"} | dict(settings) | overrides
        file = "catalogd" if name == "catalogd" else f"catalogd-{name.partition('@')[2]}"
        content = "".join(f'{key}="{value}"\n' for key, value in lines.items())
        (self._work / "settings" / f"{file}.env").write_text(content, encoding="utf-8")
        folder = self._work / "units" / f"{name}.service.d"
        folder.mkdir(exist_ok=True)
        log = f"StandardOutput=append:/var/log/catalogd/{name}.log\nStandardError=inherit\n"
        if program != "daemon":
            other = self._work / "settings" / program
            other.write_text(self._program(program), encoding="utf-8")
            other.chmod(0o755)
            dropin += f"ExecStart=\nExecStart=/etc/catalogd/{program} run\n"
        (folder / "test.conf").write_text(f"[Service]\n{log}{dropin}", encoding="utf-8")
        self.systemctl("daemon-reload")

    def write(self, name: str, content: str) -> None:
        """A file of /etc/catalogd that root alone can read."""
        file = self._work / "settings" / name
        file.write_text(content, encoding="utf-8")
        file.chmod(0o600)

    def journal(self, unit: str) -> str:
        """All that it wrote."""
        file = self.log / f"{unit.removesuffix('.service')}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def events(self, unit: str, name: str) -> list[Event]:
        """The events of this name in all that it has logged."""
        lines = [line for line in self.journal(unit).splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def event(self, unit: str, name: str, count: int = 1, timeout_s: float = 30.0) -> Event:
        """The `count`-th event of this name."""
        try:
            wait_until(lambda: len(self.events(unit, name)) >= count, timeout_s)
        except AssertionError:
            raise AssertionError(f"no {name} of {unit}; it wrote:\n{self.journal(unit)[-4000:]}") from None
        return self.events(unit, name)[count - 1]

    def weights(self) -> list[str]:
        """How nice each session inside is to the others of this machine; empty where Linux does not weigh them."""
        told = [self._autogroup(pid) for pid in self._pids()]
        return [file.read_text(encoding="ascii") for file in told if file.exists()]

    def hurry(self) -> None:
        """What has put itself last need not wait any more until everything else on this machine has ended."""
        for pid in self._pids():
            with suppress(OSError):
                if not self._autogroup(pid).read_text(encoding="ascii").endswith("nice 0\n"):
                    self._autogroup(pid).write_text("0", encoding="ascii")  # which the kernel hears now and then alone

    def _pids(self) -> list[str]:
        return [pid for file in self._cgroup.rglob("cgroup.procs") for pid in file.read_text().split()]

    def _autogroup(self, pid: str) -> Path:
        return Path(f"/proc/{pid}/autogroup")

    def _program(self, module: str) -> str:
        major, minor = sys.version_info[:2]
        packages = site_packages().relative_to(ROOT)
        return (
            "#!/bin/sh\n"
            "export LD_LIBRARY_PATH=/opt/catalogd/python/lib PYTHONDONTWRITEBYTECODE=1 CATALOGD_LOG_FORMAT=json\n"
            f"export PYTHONPATH=/opt/catalogd/checkout:/opt/catalogd/checkout/{packages}\n"
            f'exec /opt/catalogd/python/bin/python{major}.{minor} -m {module} "$@"\n'
        )

    def _init(self) -> int:
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        return int(children[0])

    def _is_booted(self) -> bool:
        assert self._outer.poll() is None, "it did not boot"
        try:
            return self.systemctl("is-active", "test.target", check=False).strip() == "active"
        except (OSError, IndexError):
            return False

    def _end(self) -> None:
        try:
            os.kill(self._init(), signal.SIGKILL)  # and with it everything inside
        except (OSError, IndexError):
            self._outer.kill()
        self._outer.wait(30)
        wait_until(self._remove_cgroups)

    def _remove_cgroups(self) -> bool:
        try:
            for folder, _, _ in os.walk(self._cgroup, topdown=False):
                Path(folder).rmdir()
        except OSError:  # the last processes are still ending
            return False
        return True
