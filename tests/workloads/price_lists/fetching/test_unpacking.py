"""What a server has packed for the way: unpacked in pieces of bounded size, and found out when it is not whole."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.unpacking import PIECE, unpacked


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def unpack(pieces: list[bytes], encoding: str = "gzip") -> bytes:
    return b"".join(unpacked(pieces, encoding, "shop.example"))


@given(st.lists(st.binary(max_size=300).map(lambda part: part * 50), min_size=1, max_size=3), st.integers(1, 400))
def test_whatever_was_packed_comes_out(parts: list[bytes], size: int) -> None:
    assert unpack(cut(b"".join(map(gzip.compress, parts)), size)) == b"".join(parts)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_what_ends_too_early_is_found_out(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    with pytest.raises(FetchFailed) as caught:
        unpack([packed[: data.draw(st.integers(1, len(packed) - 1))]])
    assert (caught.value.code, caught.value.is_transient) == ("incomplete", True)


@given(st.binary(max_size=500), st.integers(1, 100))
def test_anything_else_is_damaged_or_incomplete(data: bytes, size: int) -> None:
    with suppress(FetchFailed):
        unpack(cut(data, size))


def test_what_follows_the_packed_part_is_damage() -> None:
    with pytest.raises(FetchFailed, match="is damaged"):
        unpack([gzip.compress(b"x"), b"more"])


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda data: gzip.compress(b"") * 3_000 + gzip.compress(data)], ids=["one", "many parts"]
)
def test_a_bomb_takes_no_memory(pack: type[bytes]) -> None:
    bomb = pack(bytes(50_000_000))
    tracemalloc.start()
    try:
        sizes = {len(piece) for piece in unpacked([bomb], "gzip", "shop.example")}
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(sizes) == PIECE
    assert most < 2_000_000


def test_what_is_not_packed_goes_through() -> None:
    assert unpack([b"a", b"b"], "identity") == unpack([b"a", b"b"], "") == b"ab"
    assert unpack([], "gzip") == b""


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "ü"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        unpack([zlib.compress(b"x")], encoding)
    assert (caught.value.code, caught.value.is_transient) == ("bad_encoding", False)
