"""What is published, built as it is published: the sdist from the repository, the wheel from the sdist."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = "import sys, setuptools.build_meta as backend; getattr(backend, sys.argv[1])(sys.argv[2])"


class NoRepository(Exception):
    """Without git nobody can tell which files belong here."""


@dataclass(frozen=True, slots=True)
class Published:
    """Both files, and the repository's own that they are made of, by their paths there."""

    sdist: Path
    wheel: Path
    repository: frozenset[str]

    def in_sdist(self) -> set[str]:
        """The paths of the sdist's files, without its own folder."""
        with tarfile.open(self.sdist) as archive:
            return {member.name.partition("/")[2] for member in archive if not member.isdir()}

    def in_wheel(self) -> set[str]:
        return set(zipfile.ZipFile(self.wheel).namelist())


def publish(directory: Path) -> Published:
    """Build both with the tools that are installed, so that nothing is fetched. Raises NoRepository."""
    repository = list_repository()
    checkout = directory / "checkout"
    for name in repository:
        copy = checkout / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy, follow_symlinks=False)
    sdist = _build(checkout, "build_sdist", directory)
    with tarfile.open(sdist) as archive:
        extract(archive, directory)
    wheel = _build(directory / sdist.name.removesuffix(".tar.gz"), "build_wheel", directory)
    return Published(sdist, wheel, frozenset(repository))


def extract(archive: tarfile.TarFile, directory: Path) -> None:
    """As files of nobody in particular. The first releases of Python 3.11 know no filters, and need none."""
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    archive.extractall(directory)  # noqa: S202  # it is our own


def list_repository() -> list[str]:
    """What git knows, or will know once it is added."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoRepository("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise NoRepository(f"this is no git checkout: {error.stderr.strip()}") from error
    return sorted(name for name in listed.stdout.splitlines() if (ROOT / name).exists())


def _build(source: Path, what: str, directory: Path) -> Path:
    """Call the build backend as pip does; returns the one new file."""
    before = set(directory.iterdir())
    subprocess.run([sys.executable, "-c", BUILD, what, directory], cwd=source, check=True, capture_output=True)
    (made,) = set(directory.iterdir()) - before
    return made
