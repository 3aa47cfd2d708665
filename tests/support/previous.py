"""The release before this one, taken out of git's history, so that an upgrade from it can be tried."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from daemon.database.schema import LAST_OF
from tests.support.published import extract

ROOT = Path(__file__).parents[2]
VERSION = "0.1.0"
LAST_MIGRATION = LAST_OF[VERSION]
COMMIT = "88ea715815737667b06571432e300f4ae2849bd4"


class NoHistory(Exception):
    """There is no git, or not the commit: in an sdist, or in a shallow clone."""


def unpack(directory: Path) -> dict[str, str]:
    """Put its program into `directory`; returns the environment in which `python -m daemon` is that program.

    It runs with the libraries of today. Raises NoHistory.
    """
    archive = directory / "previous.tar"
    command = ["git", "-C", str(ROOT), "archive", "--output", str(archive), COMMIT, "daemon", "migrations"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoHistory("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise NoHistory(f"git has not the commit of {VERSION}: {error.stderr.strip()}") from error
    program = directory / "previous"
    with tarfile.open(archive) as unpacked:
        extract(unpacked, program)
    installed = program / f"catalogd-{VERSION}.dist-info"  # where it looks for its own version
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: catalogd\nVersion: {VERSION}\n")
    return {"PYTHONPATH": str(program), "PYTHONSAFEPATH": "1"}
