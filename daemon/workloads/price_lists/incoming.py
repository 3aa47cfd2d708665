"""The folder that the daemon takes local lists from: where a list is laid to be imported."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from pathlib import Path
from time import time

FOLDER_MODE, FILE_MODE = 0o750, 0o644  # the folder keeps others out; whoever runs the daemon must be able to read
KEPT_S = 7 * 24 * 60 * 60  # after that a list is removed when the next one comes: its import may have had to wait
OURS = re.compile(r".+-[0-9a-f]{16}(\.[A-Za-z0-9]{1,8})?(\.[0-9a-f]{8}\.part)?")
PIECE = 1_048_576


def lay_in(folder: Path, list_file: Path) -> Path:
    """Copy a list into the folder, in one step for whoever looks; returns where it is.

    The same content has the same name again, so that an import sees whether the list is the previous one. Those that
    were laid in long ago are removed. Raises OSError.
    """
    _make(folder)
    sweep(folder)
    place = folder / f"{_plain(list_file.stem)}-{_digest(list_file)}{_suffix(list_file)}"
    part = place.with_name(f"{place.name}.{secrets.token_hex(4)}.part")
    try:
        shutil.copyfile(list_file, part)
        part.chmod(FILE_MODE)  # whatever the umask is
        _hand_over(part, folder)
        part.rename(place)
    finally:
        part.unlink(missing_ok=True)
    return place


def sweep(folder: Path) -> None:
    """Remove lists that were laid in more than a week ago. What others have put there is left."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another's, or another has done it
            if OURS.fullmatch(path.name) and time() - path.lstat().st_mtime > KEPT_S:
                path.unlink()


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    _make(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(FOLDER_MODE)
        _hand_over(folder, folder.parent)


def _hand_over(path: Path, folder: Path) -> None:
    """What root puts into a folder of the daemon's user is for that user."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _digest(list_file: Path) -> str:
    found = hashlib.sha256()
    with list_file.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()[:16]


def _plain(name: str) -> str:
    """A name that means nothing to a shell, nor to a folder."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "list"


def _suffix(list_file: Path) -> str:
    suffix = list_file.suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""
