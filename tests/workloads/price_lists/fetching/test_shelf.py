"""The shelf: files are there whole or not at all, and stay while they are written, used, or young."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.workloads.price_lists.fetching import shelf as module
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.label import Label
from daemon.workloads.price_lists.fetching.shelf import Draft, FileGone, Removed, Shelf, Shelved

DAY = timedelta(days=1)
CONTENT = b"sku;name\n1;Drill\n"


def make_label(draft: Draft) -> Label:
    return Label(
        source="https://shop.example/list.csv",
        mark="0123abcd",
        url="https://shop.example/list.csv?key=…",
        size_bytes=draft.size_bytes,
        sha256=draft.sha256,
        etag='"1"',
        last_modified="Fri, 27 Nov 2026 12:00:00 GMT",
        content_type="text/csv",
        fetched_at=datetime(2026, 11, 27, 12, tzinfo=UTC),
    )


def put(shelf: Shelf, content: bytes = CONTENT) -> Shelved:
    with shelf.draft() as draft:
        draft.write(content)
        return draft.keep(make_label(draft))


def make_old(folder: Path, age: timedelta = 2 * DAY) -> None:
    """All that is in it."""
    for path in folder.iterdir():
        then = path.stat().st_mtime - age.total_seconds()
        os.utime(path, (then, then))


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_put_is_found_with_its_label(shelf: Shelf) -> None:
    put_there = put(shelf)
    found = shelf.find(put_there.name)
    assert found == put_there
    assert found.path.read_bytes() == CONTENT
    assert (found.label.size_bytes, found.label.sha256) == (len(CONTENT), sha256(CONTENT).hexdigest())
    with shelf.use(put_there.name) as used:
        assert used == put_there


def test_the_sidecar_is_json_beside_the_file(shelf: Shelf) -> None:
    path = put(shelf).path
    sidecar = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="ascii"))
    assert sidecar["url"] == "https://shop.example/list.csv?key=…"
    assert sidecar["fetched_at"] == "2026-11-27T12:00:00+00:00"


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_modes_do_not_depend_on_the_umask(folder: Path, mask: int) -> None:
    os.umask(mask)
    path = put(Shelf(folder / "inner")).path
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    assert [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()] == [0o640, 0o640]


def test_a_folder_that_was_there_keeps_its_mode(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    put(Shelf(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_draft_that_is_not_kept_is_gone(shelf: Shelf, folder: Path) -> None:
    with shelf.draft() as draft:
        draft.write(CONTENT)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["../secret.list", "", "x", "a" * 32, "a" * 32 + ".list.json", "/etc/passwd"])
def test_only_names_of_ours_are_looked_for(shelf: Shelf, name: str) -> None:
    assert shelf.find(name) is None
    with pytest.raises(FileGone), shelf.use(name):
        pass


@pytest.mark.parametrize("label", [b"", b"{}", b"[]", b'{"sha256": 1}', b"\xff", b"{" * 100_000])
def test_a_label_that_is_none_does_not_count(shelf: Shelf, label: bytes) -> None:
    file = put(shelf)
    file.path.with_name(f"{file.name}.json").write_bytes(label)
    assert shelf.find(file.name) is None


def test_a_file_of_another_size_is_not_whole(shelf: Shelf) -> None:
    file = put(shelf)
    with file.path.open("ab") as grown:
        grown.write(b"x")
    assert shelf.find(file.name) is None


def test_what_is_old_is_removed_and_told(shelf: Shelf, folder: Path) -> None:
    put(shelf)
    put(shelf, b"12345")
    freed = sum(path.stat().st_size for path in folder.iterdir())
    make_old(folder)
    young = put(shelf)
    assert shelf.remove_older_than(DAY) == Removed(files=2, leftovers=0, size_bytes=freed, in_use=0)
    assert shelf.find(young.name) == young
    assert sorted(folder.iterdir()) == sorted([young.path, young.path.with_name(f"{young.name}.json")])


def test_other_files_are_left_alone(shelf: Shelf, folder: Path, tmp_path: Path) -> None:
    put(shelf)
    strange = folder / "readme.txt"
    strange.touch()
    make_old(folder)
    target = tmp_path / "target"
    target.write_bytes(b"x")
    (folder / f"{'0' * 32}.list").symlink_to(target)
    shelf.remove_older_than(timedelta(0) - DAY)  # even what is young
    assert list(folder.iterdir()) == [strange]
    assert target.exists()


def test_what_is_being_written_stays_however_old(shelf: Shelf, folder: Path) -> None:
    with shelf.draft() as draft:
        draft.write(CONTENT)
        make_old(folder)
        assert shelf.remove_older_than(DAY) == Removed(in_use=1)
        kept = draft.keep(make_label(draft))
        make_old(folder)
        assert shelf.remove_older_than(DAY) == Removed(in_use=1)
    assert shelf.find(kept.name) == kept


def test_what_is_being_used_stays_however_old(shelf: Shelf, folder: Path) -> None:
    file = put(shelf)
    with shelf.use(file.name):
        make_old(folder)
        assert shelf.remove_older_than(DAY) == Removed(in_use=1)
    assert shelf.remove_older_than(DAY).files == 1


def test_what_was_just_used_stays(shelf: Shelf, folder: Path) -> None:
    file = put(shelf)
    make_old(folder)
    with shelf.use(file.name):
        pass
    assert shelf.remove_older_than(DAY) == Removed()
    assert shelf.find(file.name) == file


def test_what_was_used_between_the_look_and_the_lock_stays(
    shelf: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(shelf)
    make_old(folder)
    lock = module._lock

    def use_first(descriptor: int, how: int) -> bool:
        monkeypatch.setattr(module, "_lock", lock)
        with shelf.use(file.name):
            pass
        return lock(descriptor, how)

    monkeypatch.setattr(module, "_lock", use_first)
    assert shelf.remove_older_than(DAY) == Removed()
    assert shelf.find(file.name) == file


def test_who_waits_while_it_is_removed_finds_it_gone(
    shelf: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(shelf)
    make_old(folder)
    lock = module._lock

    def remove_first(descriptor: int, how: int) -> bool:
        monkeypatch.setattr(module, "_lock", lock)
        assert shelf.remove_older_than(DAY).files == 1
        return lock(descriptor, how)

    monkeypatch.setattr(module, "_lock", remove_first)
    with pytest.raises(FileGone), shelf.use(file.name):
        pass


def test_cleaners_do_not_get_in_each_others_way(shelf: Shelf, folder: Path) -> None:
    for _ in range(30):
        put(shelf)
    make_old(folder)
    with ThreadPoolExecutor(4) as pool:
        rounds = [pool.submit(Shelf(folder).remove_older_than, DAY) for _ in range(4)]
        assert sum(done.result(30).files for done in rounds) == 30
    assert list(folder.iterdir()) == []


def test_the_lock_of_a_process_that_was_killed_is_gone(shelf: Shelf, folder: Path) -> None:
    writer = (
        "import sys, pathlib; from daemon.workloads.price_lists.fetching.shelf import Shelf\n"
        "with Shelf(pathlib.Path(sys.argv[1])).draft() as draft:\n"
        "    draft.write(b'x'); print('written', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", writer, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        make_old(folder)
        assert shelf.remove_older_than(DAY) == Removed(in_use=1)
        process.kill()
    assert shelf.remove_older_than(DAY) == Removed(leftovers=1, size_bytes=1)
    assert list(folder.iterdir()) == []


def test_a_file_system_without_locks_will_do(shelf: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    file = put(shelf)
    with shelf.use(file.name):
        pass
    assert shelf.remove_older_than(DAY) == Removed()
    make_old(folder)
    assert shelf.remove_older_than(DAY).files == 1


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "no_room"), (errno.EDQUOT, "no_room"), (errno.EIO, "shelf_unusable")]
)
@pytest.mark.parametrize("call", ["write", "fsync", "fchmod"])
def test_a_disk_that_refuses_is_told_and_nothing_is_left(
    shelf: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(FetchFailed) as caught:
        put(shelf)
    assert (caught.value.code, caught.value.is_transient) == (code, True)
    monkeypatch.undo()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FetchFailed, match="cannot be kept in the folder of fetched lists: not a directory"):
        put(Shelf(tmp_path / "file" / "shelf"))


CRASHES = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[2])
from daemon.workloads.price_lists.fetching import shelf
from tests.workloads.price_lists.fetching.test_shelf import put

def crash_at(line):
    left = line
    def count(frame, event, _argument):
        nonlocal left
        if frame.f_code.co_filename != shelf.__file__:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os._exit(9)
        return count
    return count

root = pathlib.Path(sys.argv[1])
for line in range(10_000):
    pid = os.fork()
    if not pid:
        sys.settrace(crash_at(line))
        put(shelf.Shelf(root / str(line)))
        os._exit(0)
    if os.waitpid(pid, 0)[1] == 0:
        print(line)
        break
"""


def test_a_crash_at_any_line_leaves_nothing_usable_or_a_whole_file(tmp_path: Path) -> None:
    checkout = str(Path(__file__).parents[4])
    command = [sys.executable, "-c", CRASHES, str(tmp_path), checkout]
    lines = int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout)
    assert lines > 40
    whole = half = 0
    for folder in tmp_path.iterdir():
        shelf = Shelf(folder)
        names = {path.name[:37] for path in folder.iterdir()}
        found = [file for name in names if (file := shelf.find(name))]
        assert all(file.path.read_bytes() == CONTENT for file in found)
        is_clean = (
            {path.name for path in folder.iterdir()} == {found[0].name, f"{found[0].name}.json"} if found else False
        )
        whole, half = whole + is_clean, half + (bool(names) and not found)
        removed = shelf.remove_older_than(-DAY)
        assert (removed.files, removed.leftovers) == (len(found), len(names) - len(found))
        assert list(folder.iterdir()) == []
    assert whole > 3
    assert half > 20
