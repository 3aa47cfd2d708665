"""What a status, a Retry-After and the first bytes of an answer say."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.price_lists.fetching.answers import LONGEST_WAIT, refusal, require_list, retry_after
from daemon.workloads.price_lists.fetching.failure import FetchFailed

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def make_response(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers, request=httpx.Request("GET", "https://shop.example/list.csv?key=x"))


@pytest.mark.parametrize(
    ("status", "code", "is_transient"),
    [
        (401, "not_permitted", False),
        (403, "not_permitted", False),
        (404, "not_found", False),
        (410, "not_found", False),
        (400, "refused", False),
        (204, "refused", False),
        (206, "refused", False),
        (304, "refused", False),
        (408, "server_error", True),
        (429, "too_many_requests", True),
        (500, "server_error", True),
        (503, "server_error", True),
        (599, "server_error", True),
        (999, "server_error", True),
    ],
)
def test_a_status_that_is_no_success(status: int, code: str, is_transient: bool) -> None:
    failure = refusal(make_response(status))
    assert (failure.code, failure.is_transient, failure.retry_after) == (code, is_transient, None)
    assert re.match(rf"shop\.example answered {status}", failure.message)


def test_when_to_ask_again_counts_only_where_asking_may_help() -> None:
    assert refusal(make_response(503, **{"Retry-After": "90"})).retry_after == timedelta(seconds=90)
    assert refusal(make_response(404, **{"Retry-After": "90"})).retry_after is None


@pytest.mark.parametrize(
    ("text", "date", "wait"),
    [
        ("120", None, timedelta(seconds=120)),
        (" 0 ", None, timedelta(0)),
        ("Fri, 27 Nov 2026 12:05:00 GMT", None, timedelta(minutes=5)),
        ("Fri, 27 Nov 2026 12:05:00 GMT", "Fri, 27 Nov 2026 12:04:00 GMT", timedelta(minutes=1)),
        ("Friday, 27-Nov-26 12:05:00 GMT", None, timedelta(minutes=5)),
        ("Fri, 27 Nov 2026 11:00:00 GMT", None, timedelta(0)),
        ("Fri, 27 Nov 2099 12:05:00 GMT", None, LONGEST_WAIT),
        ("9" * 5_000, None, LONGEST_WAIT),
        ("-5", None, None),
        ("1.5", None, None),
        ("soon", None, None),
        ("", None, None),
    ],
)
def test_retry_after(text: str, date: str | None, wait: timedelta | None) -> None:
    headers = httpx.Headers({"Retry-After": text} | ({"Date": date} if date else {}))
    assert retry_after(headers, NOW) == wait


@given(st.text(), st.text())
def test_retry_after_is_bounded_whatever_it_says(text: str, date: str) -> None:
    wait = retry_after(httpx.Headers({"Retry-After": text.encode(), "Date": date.encode()}), NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST_WAIT


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"<!doctype  HTML>", None),
        (b"\xef\xbb\xbf\r\n <HTML lang=de>", "text/csv"),
        (b"<!-- error --><p>", "application/octet-stream"),
        ("<html>".encode("utf-16"), None),
        ("<html>".encode("utf-16-le"), None),
        (b"<table><tr><td>", "text/html; charset=utf-8"),
        (b'{"error": "no such list"}', "application/json"),
    ],
)
def test_a_page_is_no_list(head: bytes, kind: str | None) -> None:
    with pytest.raises(FetchFailed) as caught:
        require_list(head, kind, "shop.example")
    assert (caught.value.code, caught.value.is_transient) == ("not_a_list", False)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"sku;name\n1;<html>", "text/html"),
        (b"<2 mm;5 EUR", "text/csv"),
        (b"{4711};Drill", "text/csv"),
        (b"PK\x03\x04", "text/html"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None),
        (b"", "text/html"),
        ("sku;name".encode("utf-16"), "text/html"),
    ],
)
def test_a_list_is_one_whatever_the_server_calls_it(head: bytes, kind: str | None) -> None:
    require_list(head, kind, "shop.example")


@given(st.binary(max_size=50), st.none() | st.text())
def test_first_bytes_may_be_anything(head: bytes, kind: str | None) -> None:
    with suppress(FetchFailed):
        require_list(head, kind, "shop.example")
