"""A list in a folder of this machine: opened only if it truly lies inside one of the folders that are allowed.

Links are followed first, and what they lead to is judged. Then it is opened without following any, folder by folder:
what somebody has put in its place meanwhile is refused.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from daemon.workloads.price_lists.fetching.failure import FetchFailed, outside_of_folders
from daemon.workloads.price_lists.fetching.pulse import Pulse
from daemon.workloads.price_lists.fetching.shelf import Draft

PIECE = 262_144
AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
AS_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a FIFO would wait for a writer


def copy_local(place: str, folders: Sequence[Path], draft: Draft, size_bytes: int, pulse: Pulse) -> None:
    """Copy the file that `place` names: a whole path, or one that begins in one of the folders.

    Raises FetchFailed, and whatever the tick raises.
    """
    with _opened(place, folders) as descriptor:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise FetchFailed("not_a_file", "the path of the list leads to something that is not a file")
        if before.st_size > size_bytes:
            raise _too_big(size_bytes)
        pulse.expected = before.st_size
        while piece := _read(descriptor):
            draft.write(piece)
            pulse.received += len(piece)
            if pulse.received > size_bytes:
                raise _too_big(size_bytes)
            pulse.beat()
        after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (
            after.st_size,
            after.st_mtime_ns,
        ) or after.st_size != draft.size_bytes:
            message = "the list was being written while it was read"
            raise FetchFailed("changed_meanwhile", message, is_transient=True)


@contextmanager
def _opened(place: str, folders: Sequence[Path]) -> Iterator[int]:
    descriptor = _open(place, folders)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(place: str, folders: Sequence[Path]) -> int:
    is_inside = False
    for folder in folders:
        root, path = _real(folder), _real(folder / place)
        if root is None or path is None or not (root.is_dir() and path.is_relative_to(root)):
            continue
        is_inside = True
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return _descend(root, path.relative_to(root).parts)
    if not is_inside:
        raise outside_of_folders()
    message = "there is no file at the path of the list; an address on the web begins with https://"
    raise FetchFailed("no_such_file", message)


def _real(path: Path) -> Path | None:
    """With all links followed; None when it can be no path."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):  # ValueError: a NUL in it
        return None


def _descend(root: Path, parts: Sequence[str]) -> int:
    """Open a file below a folder, through no link."""
    try:
        current = os.open(root, AS_FOLDER)
        for number, part in enumerate(parts, start=1):
            above = current
            try:
                current = os.open(part, AS_FILE if number == len(parts) else AS_FOLDER, dir_fd=above)
            finally:
                os.close(above)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        message = f"the list cannot be opened: {os.strerror(error.errno or 0).lower()}"
        raise FetchFailed("unreadable", message) from None
    return current


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, PIECE)
    except OSError as error:
        message = f"the list cannot be read: {os.strerror(error.errno or 0).lower()}"
        raise FetchFailed("unreadable", message, is_transient=True) from None


def _too_big(size_bytes: int) -> FetchFailed:
    return FetchFailed("too_big", f"the list is larger than {size_bytes:,} bytes, which is the most allowed")
