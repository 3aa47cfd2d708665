"""Lists in folders of this machine: inside the allowed folders only, and files only."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.fetching import local
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.fetch import Sameness, Unchanged
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from tests.workloads.price_lists.fetching.orders import LIST, order, order_first, refused

SECRET = b"of somebody else"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """An allowed folder with a list in it, beside a file that is not to be read."""
    inbox = tmp_path / "inbox"
    (inbox / "tools").mkdir(parents=True)
    (inbox / "tools" / "list.csv").write_bytes(LIST)
    (tmp_path / "secret.csv").write_bytes(SECRET)
    return inbox


@pytest.fixture
def limits(inbox: Path, tmp_path: Path) -> Limits:
    return Limits(folders=(tmp_path / "missing", inbox))


@pytest.mark.parametrize("place", ["{}/tools/list.csv", "tools/list.csv", " {}/tools/../tools//list.csv\n"])
def test_a_list_is_copied(shelf: Shelf, inbox: Path, limits: Limits, place: str) -> None:
    file = order_first(place.format(inbox), shelf, limits=limits).file
    assert file.path.read_bytes() == LIST
    assert (file.label.source, file.label.url) == (place.format(inbox).strip(), None)
    assert (inbox / "tools" / "list.csv").exists()


def test_the_same_again_is_found_out(shelf: Shelf, limits: Limits) -> None:
    first = order_first("tools/list.csv", shelf, limits=limits).file
    again = order("tools/list.csv", shelf, limits=limits, previous=first.label)
    assert isinstance(again, Unchanged)
    assert again.how is Sameness.SAME_CHECKSUM


@pytest.mark.parametrize(
    "place",
    [
        "{}/../secret.csv",
        "../secret.csv",
        "/etc/passwd",
        "{}/tools/../../secret.csv",
        "~/.ssh/id_rsa",
        "..",
        "/",
        "../inbox2",
    ],
)
def test_what_lies_elsewhere_is_refused(shelf: Shelf, inbox: Path, limits: Limits, place: str) -> None:
    inbox.with_name("inbox2").write_bytes(SECRET)
    failure = refused(place.format(inbox), shelf, limits=limits)
    assert (failure.code, failure.is_transient) in {("folder_refused", False), ("no_such_file", False)}
    if not place.startswith("~"):
        assert failure.code == "folder_refused"


def test_whether_something_is_there_is_not_told(shelf: Shelf, inbox: Path, limits: Limits) -> None:
    there, missing = (refused(f"{inbox}/../{name}", shelf, limits=limits) for name in ("secret.csv", "missing.csv"))
    assert (there.code, there.message) == (missing.code, missing.message)


def test_without_folders_nothing_is_read(shelf: Shelf, inbox: Path) -> None:
    assert refused(f"{inbox}/tools/list.csv", shelf).code == "folder_refused"


@pytest.mark.parametrize("place", ["missing.csv", "tools/list.csv/more", "www.shop.example/list.csv", "x" * 300])
def test_what_is_not_there(shelf: Shelf, limits: Limits, place: str) -> None:
    failure = refused(place, shelf, limits=limits)
    assert failure.code in ("no_such_file", "unreadable")
    assert not failure.is_transient


@pytest.mark.parametrize("place", ["", "tools", ".", "\0", "a\0b", "\udcff"])
def test_what_is_no_file(shelf: Shelf, limits: Limits, place: str) -> None:
    assert refused(place, shelf, limits=limits).code in ("not_a_file", "folder_refused", "no_such_file")


def test_links_are_followed_inside_and_refused_outside(
    shelf: Shelf, inbox: Path, limits: Limits, tmp_path: Path
) -> None:
    (inbox / "newest.csv").symlink_to("tools/list.csv")
    (inbox / "stolen.csv").symlink_to(tmp_path / "secret.csv")
    (inbox / "stolen").symlink_to(tmp_path)
    (inbox / "round").symlink_to("round")
    assert order_first("newest.csv", shelf, limits=limits).file.path.read_bytes() == LIST
    assert refused("stolen.csv", shelf, limits=limits).code == "folder_refused"
    assert refused("stolen/secret.csv", shelf, limits=limits).code == "folder_refused"
    assert refused("round", shelf, limits=limits).code == "unreadable"


def test_the_allowed_folder_may_be_a_link(shelf: Shelf, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inbox)
    limits = Limits(folders=(tmp_path / "link",))
    for place in ("tools/list.csv", f"{tmp_path}/link/tools/list.csv", f"{inbox}/tools/list.csv"):
        order_first(place, shelf, limits=limits)


@pytest.mark.parametrize("swapped", ["tools", "tools/list.csv"])
def test_a_link_put_in_place_after_the_look_is_refused(
    shelf: Shelf, inbox: Path, limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "list.csv").write_bytes(SECRET)
    descend = local._descend

    def swap_first(*arguments: object) -> int:
        (inbox / swapped).rename(inbox / "aside")
        (inbox / swapped).symlink_to(tmp_path / "elsewhere" / ("list.csv" if "." in swapped else ""))
        return descend(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(local, "_descend", swap_first)
    assert refused("tools/list.csv", shelf, limits=limits).code in ("unreadable", "no_such_file")


def test_what_is_not_a_regular_file_is_refused_at_once(shelf: Shelf, inbox: Path, limits: Limits) -> None:
    os.mkfifo(inbox / "fifo")
    assert refused("fifo", shelf, limits=limits).code == "not_a_file"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inbox / "s"))
        assert refused("s", shelf, limits=limits).code == "unreadable"
    (inbox / "null").symlink_to("/dev/null")
    assert refused("null", shelf, limits=limits).code == "folder_refused"
    assert refused("/dev/null", shelf, limits=replace(limits, folders=(Path("/dev"),))).code == "not_a_file"


def test_a_file_we_may_not_read(shelf: Shelf, inbox: Path, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (inbox / "tools" / "list.csv").chmod(0)
    failure = refused("tools/list.csv", shelf, limits=limits)
    assert (failure.code, failure.message) == ("unreadable", "the list cannot be opened: permission denied")


def test_a_file_too_big_is_refused_before_it_is_read(
    shelf: Shelf, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delattr(local, "_read")
        failure = refused("tools/list.csv", shelf, limits=replace(limits, size_bytes=len(LIST) - 1))
    assert (failure.code, failure.is_transient) == ("too_big", False)
    order_first("tools/list.csv", shelf, limits=replace(limits, size_bytes=len(LIST)))


def test_a_file_that_grows_meanwhile_is_not_taken(
    shelf: Shelf, inbox: Path, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody uploads it just now."""
    read = local._read

    def read_and_grow(descriptor: int) -> bytes:
        monkeypatch.setattr(local, "_read", read)
        piece = read(descriptor)
        with (inbox / "tools" / "list.csv").open("ab") as file:
            file.write(b"2;Saw;5\n")
        return piece

    monkeypatch.setattr(local, "_read", read_and_grow)
    failure = refused("tools/list.csv", shelf, limits=limits)
    assert (failure.code, failure.is_transient) == ("changed_meanwhile", True)


def test_a_file_that_never_ends_growing_is_ended_by_its_size(
    shelf: Shelf, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_read", lambda _descriptor: bytes(65_536))
    assert refused("tools/list.csv", shelf, limits=replace(limits, size_bytes=1_000_000)).code == "too_big"


def test_what_a_tick_raises_ends_it(shelf: Shelf, folder: Path, limits: Limits) -> None:
    def tick(received: int, _expected: int | None) -> None:
        if received:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        order("tools/list.csv", shelf, limits=limits, tick=tick)
    assert list(folder.iterdir()) == []


@given(st.text(st.sampled_from("./\\~ab\0 \udcff"), max_size=12) | st.text(max_size=30))
def test_whatever_the_path_only_the_folder_is_opened(tmp_path_factory: pytest.TempPathFactory, place: str) -> None:
    root = tmp_path_factory.getbasetemp() / "inbox-of-property"
    (root / "a").mkdir(parents=True, exist_ok=True)
    try:
        descriptor = local._open(place.strip(), [root])
    except FetchFailed:
        return
    try:
        assert Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(root.resolve())
    finally:
        os.close(descriptor)
