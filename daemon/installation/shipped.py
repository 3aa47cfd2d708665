"""Texts that come along: the units and the command, and the shell's part of the script."""

import sysconfig
from importlib.resources import files
from pathlib import Path

from daemon.errors import DaemonError

PROGRAM = "/opt/catalogd/bin/catalogd"  # as the units have it


def unit(name: str) -> str:
    """Of the checkout, or where the wheel has put it."""
    folders = Path(__file__).parents[2] / "systemd", Path(sysconfig.get_path("data")) / "share" / "catalogd" / "systemd"
    file = next((folder / name for folder in folders if (folder / name).exists()), None)
    if file is None:
        raise DaemonError(f"{folders[1]} is not there: install catalogd into an environment of its own")
    return file.read_text(encoding="utf-8")


def shell(name: str) -> list[str]:
    """The lines of `shell/<name>.sh`, which are printed as they stand."""
    return files("daemon.installation").joinpath("shell", f"{name}.sh").read_text(encoding="utf-8").splitlines()
