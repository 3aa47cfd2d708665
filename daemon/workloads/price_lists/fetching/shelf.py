"""The shelf: a folder, shared by processes and hosts, where fetched files lie with their labels until they are old.

A file counts once its label is there, which is put last and in one step; whatever happens before that leaves something
without a label, for the clean-up. What is written or read is locked (flock) by the process that does it, so the lock
goes with the process. All times are those of the folder's own clock, which a server of files may have.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.label import Label

FOLDER_MODE, FILE_MODE = 0o750, 0o640
HEAD_BYTES = 4_096
LARGEST_LABEL = 65_536
OURS = re.compile(r"([0-9a-f]{32}\.list)(\.json)?(\.part)?")
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})  # of a file system that has none
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Shelved:
    """A whole file with its label. The name is the same on all hosts, the path is this host's."""

    name: str
    path: Path
    label: Label


@dataclass(frozen=True, slots=True)
class Removed:
    """What a clean-up did."""

    files: int = 0  # that were whole
    leftovers: int = 0  # of fetches that did not end
    size_bytes: int = 0
    in_use: int = 0  # old enough, but being written or read: left

    def plus(self, other: "Removed") -> "Removed":
        return Removed(
            self.files + other.files,
            self.leftovers + other.leftovers,
            self.size_bytes + other.size_bytes,
            self.in_use + other.in_use,
        )


class FileGone(Exception):
    """The file is not on the shelf any more, or never was."""


class Draft:
    """A file being written; nobody else sees it until it is kept."""

    def __init__(self, folder: Path, name: str, descriptor: int) -> None:
        self.size_bytes = 0
        self.head = b""  # of the file, to tell what it is
        self._folder = folder
        self._name = name
        self._descriptor = descriptor
        self._sum = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()

    def write(self, data: bytes) -> None:
        """Raises FetchFailed when there is no room left."""
        left = memoryview(data)
        with _unusable():
            while left:
                left = left[os.write(self._descriptor, left) :]
        self._sum.update(data)
        self.size_bytes += len(data)
        if len(self.head) < HEAD_BYTES:
            self.head = (self.head + data)[:HEAD_BYTES]

    def keep(self, label: Label) -> Shelved:
        """Make it a file of the shelf. Once this returns it outlives a crash of the machine."""
        path = self._folder / self._name
        with _unusable():
            os.fsync(self._descriptor)
            label_part = _part(_label_of(path))
            _write_label(label_part, label)
            _part(path).rename(path)
            label_part.rename(_label_of(path))
            _sync_folder(self._folder)
        return Shelved(self._name, path, label)


class Shelf:
    """Made where it is first used. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A new file; gone at the end of the block unless it was kept. Raises FetchFailed."""
        name = f"{secrets.token_hex(16)}.list"
        path = self._folder / name
        with _unusable():
            self._make()
            descriptor = _create(_part(path))
        try:
            _lock(descriptor, fcntl.LOCK_EX)
            yield Draft(self._folder, name, descriptor)
        finally:
            os.close(descriptor)
            if not _label_of(path).exists():
                with contextlib.suppress(OSError):  # the clean-up will
                    _remove(path)

    def find(self, name: str) -> Shelved | None:
        """The file of that name, if it is still there and whole."""
        if OURS.fullmatch(name) is None or not name.endswith(".list"):
            return None
        path = self._folder / name
        try:
            with _label_of(path).open("rb") as file:
                label = Label.from_json(json.loads(file.read(LARGEST_LABEL)))
            found = path.lstat()
        except (OSError, ValueError):
            return None
        is_whole = stat.S_ISREG(found.st_mode) and found.st_size == label.size_bytes
        return Shelved(name, path, label) if is_whole else None

    @contextmanager
    def use(self, name: str) -> Iterator[Shelved]:
        """The file, which no clean-up removes inside the block, nor soon after. Raises FileGone."""
        shelved = self.find(name)
        if shelved is None:
            raise FileGone(name)
        try:
            descriptor = os.open(shelved.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FileGone(name) from None
        try:
            _lock(descriptor, fcntl.LOCK_SH)
            if os.fstat(descriptor).st_nlink == 0:  # a clean-up was there first
                raise FileGone(name)
            with contextlib.suppress(PermissionError):  # somebody else's file
                os.utime(descriptor)
            yield shelved
        finally:
            os.close(descriptor)

    def remove_older_than(self, age: timedelta, beat: Callable[[], None] = lambda: None) -> Removed:
        """Remove what was neither written nor used for so long, and is not being now. Other files are left alone.
        `beat` is called for each file.

        Raises OSError when the folder cannot be read or written.
        """
        self._make()
        oldest = self._now() - age.total_seconds()
        removed = Removed()
        for name in sorted({match[1] for path in self._folder.iterdir() if (match := OURS.fullmatch(path.name))}):
            beat()
            removed = removed.plus(self._remove_if_old(name, oldest))
        return removed

    def _remove_if_old(self, name: str, oldest: float) -> "Removed":
        path = self._folder / name
        if _used_at(path) > oldest:
            return Removed()
        with _locked(path) as is_locked:
            if not is_locked:
                return Removed(in_use=1)
            if _used_at(path) > oldest:  # a moment ago, before the lock
                return Removed()
            is_whole = self.find(name) is not None
            return Removed(files=int(is_whole), leftovers=int(not is_whole), size_bytes=_remove(path))

    def _make(self) -> None:
        try:
            self._folder.mkdir(parents=True)
        except FileExistsError:
            return
        self._folder.chmod(FOLDER_MODE)  # whatever the umask is

    def _now(self) -> float:
        """By the clock that dates the files of this folder."""
        path = _part(self._folder / f"{secrets.token_hex(16)}.list")
        descriptor = _create(path)
        try:
            return os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)


def _label_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _all_of(path: Path) -> tuple[Path, ...]:
    """Whatever there may be of a file; the label first, since without it the rest does not count."""
    return (_label_of(path), _part(_label_of(path)), path, _part(path))


def _create(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)  # whatever the umask is
    except OSError:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return descriptor


def _write_label(path: Path, label: Label) -> None:
    descriptor = _create(path)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(label.as_json(), file, indent=1)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _used_at(path: Path) -> float:
    """When any of it was written or used for the last time; for ever ago if nothing is there."""
    times = [0.0]
    for part in _all_of(path):
        with contextlib.suppress(FileNotFoundError):
            times.append(part.lstat().st_mtime)
    return max(times)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Whether nobody else has a lock on the file; then nobody can get one in the block."""
    descriptor = None
    for part in (_part(path), path):  # in this order: it is renamed meanwhile
        with contextlib.suppress(OSError):
            descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            break
    if descriptor is None:  # nothing but a label, or nothing at all
        yield True
        return
    try:
        yield _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    """Where the file system has no locks, the age of a file is all that protects it."""
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _remove(path: Path) -> int:
    """The bytes that are free now."""
    freed = 0
    for part in _all_of(path):
        with contextlib.suppress(FileNotFoundError):
            size = part.lstat().st_size
            part.unlink()
            freed += size
    return freed


@contextmanager
def _unusable() -> Iterator[None]:
    """What the file system refuses is told as a failure that may pass: an operator has to see to it."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in NO_ROOM
        reason = "there is no room left" if is_full else os.strerror(error.errno or 0).lower()
        message = f"the list cannot be kept in the folder of fetched lists: {reason}"
        raise FetchFailed("no_room" if is_full else "shelf_unusable", message, is_transient=True) from error
