"""A list is fetched whole, with its label; a list that is still the previous one is found out."""

from __future__ import annotations

import gzip
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.workloads.price_lists.fetching.fetch import Fetched, Sameness, Unchanged
from daemon.workloads.price_lists.fetching.label import Label
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from tests.workloads.price_lists.fetching.orders import LIST, LOOPBACK, order, order_first, refused
from tests.workloads.price_lists.fetching.supplier import Behaviour, Supplier, Visit, answer, head, redirect

CHUNKS = b"5\r\n%b\r\n17\r\n%b\r\n0\r\n\r\n" % (LIST[:5], LIST[5:])
MODIFIED = "Fri, 27 Nov 2026 12:00:00 GMT"
SECRET = "5tr0ng-and-h1dden"  # noqa: S105  # of nobody


def test_a_list_is_fetched_with_its_label(shelf: Shelf) -> None:
    tags = ('ETag: W/"a-1"', f"Last-Modified: {MODIFIED}", "Content-Type: text/csv; charset=utf-8")
    with Supplier(answer(LIST, *tags)) as supplier:
        url = supplier.url("/list.csv?key=1")
        file = order_first(url, shelf).file
    assert file.path.read_bytes() == LIST
    shown = supplier.url("/list.csv?key=…")
    assert datetime.now(UTC) - file.label.fetched_at < timedelta(minutes=1)
    assert file.label == Label(
        source=shown,
        mark=file.label.mark,
        url=shown,
        size_bytes=len(LIST),
        sha256=sha256(LIST).hexdigest(),
        etag='W/"a-1"',
        last_modified=MODIFIED,
        content_type="text/csv; charset=utf-8",
        fetched_at=file.label.fetched_at,
    )
    assert shelf.find(file.name) == file
    (visit,) = supplier.visits
    assert visit.path == "/list.csv?key=1"
    assert visit.headers["Host"] == f"127.0.0.1:{supplier.port}"
    assert visit.headers["User-Agent"].startswith("catalogd/")
    assert "If-None-Match" not in visit.headers


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(LIST),
        lambda visit: visit.send(head(200) + LIST),  # its end is the connection's
        lambda visit: visit.send(b"HTTP/1.0 200 OK\r\n\r\n" + LIST),
        lambda visit: visit.send(head(200, "Transfer-Encoding: chunked") + CHUNKS),
        lambda visit: (visit.send(head(100) + head(103, "Link: </x>")), answer(LIST)(visit)),
        answer(gzip.compress(LIST), "Content-Encoding: gzip"),
        lambda visit: (answer(LIST)(visit), visit.stall()),  # keeps the connection, against our wish
        lambda visit: visit.send(head(200, f"Content-Length: {len(LIST)}") + LIST + b"\r\n"),
    ],
    ids=["length", "until closed", "HTTP/1.0", "chunked", "informed first", "packed", "kept alive", "one line more"],
)  # fmt: skip
def test_however_it_is_sent(shelf: Shelf, behaviour: Behaviour) -> None:
    with Supplier(behaviour) as supplier:
        assert order_first(supplier.url(), shelf).file.path.read_bytes() == LIST


def test_a_large_list_comes_whole_and_its_progress_is_told(shelf: Shelf) -> None:
    content = bytes(range(256)) * 40_000
    told: list[tuple[int, int | None]] = []

    with Supplier(answer(content)) as supplier:
        file = order_first(supplier.url(), shelf, tick=lambda *progress: told.append(progress)).file
    assert sha256(file.path.read_bytes()).hexdigest() == file.label.sha256 == sha256(content).hexdigest()
    assert told[0] == (0, None)
    assert told[-1] == (len(content), len(content))


def test_an_empty_list_is_one(shelf: Shelf) -> None:
    with Supplier(answer(b"")) as supplier:
        assert order_first(supplier.url(), shelf).file.label.size_bytes == 0


def conditional(visit: Visit) -> None:
    """As a server does that knows its tags."""
    is_same = visit.headers["If-None-Match"] == '"1"' or visit.headers["If-Modified-Since"] == MODIFIED
    answer(b"" if is_same else LIST, 'ETag: "1"', f"Last-Modified: {MODIFIED}", status=304 if is_same else 200)(visit)


def test_what_is_not_modified_is_not_sent_again(shelf: Shelf, folder: Path) -> None:
    with Supplier(conditional) as supplier:
        first = order_first(supplier.url(), shelf).file
        again = order(supplier.url(), shelf, previous=first.label)
    assert isinstance(again, Unchanged)
    assert (again.how, again.file) == (Sameness.NOT_MODIFIED, None)
    assert again.label == replace(first.label, fetched_at=again.label.fetched_at)
    assert again.label.fetched_at > first.label.fetched_at
    assert len(list(folder.iterdir())) == 2
    assert supplier.visits[1].headers["If-None-Match"] == '"1"'
    assert supplier.visits[1].headers["If-Modified-Since"] == MODIFIED


def test_what_is_not_modified_may_have_another_tag(shelf: Shelf) -> None:
    with Supplier(answer(LIST, 'ETag: "1"')) as supplier:
        first = order_first(supplier.url(), shelf).file
        supplier.behaviour = answer(b"", 'ETag: "2"', status=304)
        again = order(supplier.url(), shelf, previous=first.label)
    assert isinstance(again, Unchanged)
    assert (again.label.etag, again.label.sha256) == ('"2"', first.label.sha256)


def test_what_is_sent_again_and_is_the_same_is_told(shelf: Shelf) -> None:
    with Supplier(answer(LIST)) as supplier:
        first = order_first(supplier.url(), shelf).file
        again = order(supplier.url(), shelf, previous=first.label)
        supplier.behaviour = answer(LIST + b"2;Saw;5\n")
        other = order(supplier.url(), shelf, previous=first.label)
    assert isinstance(again, Unchanged)
    assert again.how is Sameness.SAME_CHECKSUM
    assert again.file is not None
    assert again.file.path.read_bytes() == LIST
    assert isinstance(other, Fetched)


def test_what_was_fetched_from_elsewhere_counts_for_nothing(shelf: Shelf) -> None:
    with Supplier(conditional) as supplier:
        first = order_first(supplier.url("/x?list=tools"), shelf).file
        assert isinstance(order(supplier.url("/x?list=books"), shelf, previous=first.label), Fetched)
    assert "If-None-Match" not in supplier.visits[1].headers


def test_not_modified_without_having_asked_is_an_error(shelf: Shelf) -> None:
    with Supplier(answer(status=304)) as supplier:
        assert refused(supplier.url(), shelf).code == "refused"
        untagged = replace(make_label_of(shelf, supplier), etag=None, last_modified=None)
        supplier.behaviour = answer(status=304)
        assert refused(supplier.url(), shelf, previous=untagged).code == "refused"


def make_label_of(shelf: Shelf, supplier: Supplier) -> Label:
    supplier.behaviour = answer(LIST)
    return order_first(supplier.url(), shelf).file.label


@pytest.mark.parametrize(
    "line",
    ["ETag: 1", 'ETag: "a\x80"', 'ETag: "' + "x" * 600 + '"', "Last-Modified: \xff", "Content-Type: " + "x" * 300],
)
def test_tags_that_could_not_be_sent_back_are_not_kept(shelf: Shelf, line: str) -> None:
    with Supplier(answer(LIST, line)) as supplier:
        label = order_first(supplier.url(), shelf).file.label
    assert (label.etag, label.last_modified, label.content_type) == (None, None, None)


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_a_page_instead_of_a_list(shelf: Shelf, kind: str) -> None:
    page = b"<!DOCTYPE html><html><body>Sorry</body></html>"
    with Supplier(answer(page, f"Content-Type: {kind}")) as supplier:
        failure = refused(supplier.url(), shelf)
    assert (failure.code, failure.is_transient) == ("not_a_list", False)
    assert failure.message == "what 127.0.0.1 sent is a web page, not a list; an error or a page to sign in?"


def test_asked_to_wait(shelf: Shelf) -> None:
    with Supplier(answer(b"", "Retry-After: 120", status=429)) as supplier:
        failure = refused(supplier.url(), shelf)
    assert (failure.code, failure.is_transient, failure.retry_after) == (
        "too_many_requests",
        True,
        timedelta(seconds=120),
    )


def test_a_proxy_of_the_environment_is_not_asked(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    with Supplier(answer(LIST)) as supplier, Supplier(answer(b"from the proxy")) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url("/"))
        order_first(supplier.url(), shelf)
    assert proxy.visits == []


def test_secrets_are_neither_logged_nor_told_nor_kept(
    shelf: Shelf, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Supplier(redirect(f"/list.csv?token={SECRET}")) as supplier:
        url = supplier.url(f"/x?key={SECRET}", login=f"me:{SECRET}@")
        told = [refused(url, shelf)]
        for behaviour in (answer(status=404), lambda visit: visit.send(SECRET.encode()), answer(b"<html>")):
            supplier.behaviour = behaviour
            told.append(refused(url, shelf))
        supplier.behaviour = answer(LIST)
        file = order_first(url, shelf).file
    assert "Authorization" in supplier.visits[-1].headers
    texts = [caplog.text, repr(file), *map(repr, told), *map(str, told)]
    texts += [path.read_text() for path in folder.iterdir()]
    assert not any(SECRET in text for text in texts)
    assert not any(SECRET in text for failure in told for text in causes(failure))


def causes(error: BaseException) -> list[str]:
    """What a traceback would show of those before it."""
    shown = []
    while (error := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:  # type: ignore[assignment]
        shown.append(repr(error))
    return shown


@pytest.mark.parametrize("many", [200, 60_000], ids=["few letters", "many letters"])
def test_a_server_that_counts_letters_instead_of_bytes(shelf: Shelf, many: int) -> None:
    """What it announces is too little, and the list would be cut, perhaps in the middle of a price."""
    text = "1;Säge;9,90 €\n" * many

    def cut(visit: Visit) -> None:
        visit.send(head(200, f"Content-Length: {len(text)}") + text.encode())

    with Supplier(cut) as supplier:
        failure = refused(supplier.url(), shelf)
    assert (failure.code, failure.is_transient) == ("wrong_length", True)


def test_a_server_that_goes_on_after_what_it_announced(shelf: Shelf) -> None:
    pause = threading.Event()
    with Supplier(lambda visit: (answer(LIST)(visit), pause.wait(0.1), visit.send(b"2;Saw;5"))) as supplier:
        assert refused(supplier.url(), shelf).code == "wrong_length"


def test_size_is_limited_by_what_is_announced(shelf: Shelf) -> None:
    limits = Limits(private_networks=LOOPBACK, size_bytes=len(LIST) - 1)
    with Supplier(lambda visit: visit.send(head(200, f"Content-Length: {len(LIST)}"))) as supplier:
        failure = refused(supplier.url(), shelf, limits=limits)
    assert (failure.code, failure.is_transient) == ("too_big", False)
    assert failure.message == "the list is larger than 27 bytes, which is the most allowed"


def test_a_list_of_just_the_size_is_not_too_big(shelf: Shelf) -> None:
    limits = Limits(private_networks=LOOPBACK, size_bytes=len(LIST))
    with Supplier(answer(LIST)) as supplier:
        order_first(supplier.url(), shelf, limits=limits)
