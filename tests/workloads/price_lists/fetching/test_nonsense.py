"""A server may say anything: what comes of it is a list, or a failure that is told."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.fetch import Fetched, Unchanged, fetch
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.pulse import Pulse
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.fetching.source import Source, SourceKind
from tests.support.waiting import wait_until
from tests.workloads.price_lists.fetching.orders import LOOPBACK, look_up, no_tick
from tests.workloads.price_lists.fetching.supplier import Supplier

NAMES = [
    "Location", "Set-Cookie", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Content-Type", "ETag",
    "Last-Modified", "Retry-After", "Date", "Connection", "Upgrade",
]  # fmt: skip
KNOWN_VALUES = [
    "/next", "//", "http://127.0.0.1", "a=b", "a=b; Domain=.0.0.1; Max-Age=x", "0", "5", "gzip", "chunked", "br", '"1"',
    "Fri, 27 Nov 2026 12:00:00 GMT", "close", "text/html", "-1",
]  # fmt: skip
LINES = st.tuples(
    st.sampled_from(NAMES) | st.text("abc-\0: ", max_size=5),
    st.sampled_from(KNOWN_VALUES) | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20),
)


def known_only(host: str, pulse: Pulse) -> list[object]:
    """No name is asked for: only numbers are known."""
    if not host.replace(".", "").isdigit():
        raise FetchFailed("host_unknown", "not asked for")
    return list(look_up(host, pulse))


@pytest.fixture(scope="module")
def supplier() -> object:
    with Supplier() as supplier:
        yield supplier


@given(st.integers(100, 599), st.lists(LINES, max_size=6), st.binary(max_size=40))
@example(302, [("Location", "/next"), ("Set-Cookie", "a=\xff")], b"")
@example(302, [("Location", "http://127.0.0.1:1/\xff")], b"")
@example(200, [("Transfer-Encoding", "chunked"), ("Content-Length", "5")], b"5\r\nhello\r\n0\r\n\r\n")
@settings(max_examples=150)
def test_whatever_a_server_says(
    supplier: Supplier, tmp_path_factory: pytest.TempPathFactory, status: int, lines: list[tuple[str, str]], body: bytes
) -> None:
    said = f"HTTP/1.1 {status} x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    supplier.behaviour = lambda visit: visit.send(said.encode("latin-1") + body)
    folder = tmp_path_factory.mktemp("shelf")
    source = Source(SourceKind.CSV, supplier.url(login="me:secret@"))
    limits = Limits(private_networks=LOOPBACK, connect_s=1, silence_s=1)
    try:
        got = fetch(source, Shelf(folder), limits, None, no_tick, known_only)  # type: ignore[arg-type]
    except FetchFailed:
        assert list(folder.iterdir()) == []
    else:
        assert isinstance(got, Fetched | Unchanged)
    shutil.rmtree(folder)
    wait_until(lambda: supplier.is_left)
