"""What an answer's status and first bytes say, when they are not what was hoped for."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from daemon.workloads.price_lists.fetching.failure import FetchFailed

LONGEST_WAIT = timedelta(days=1)  # whatever the server says
TRANSIENT = frozenset({408, 425, 429})  # and all from 500 on
HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|meta|title|div|!--)", re.IGNORECASE)
SPACE = b" \t\r\n\f\v"
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def refusal(response: httpx.Response) -> FetchFailed:
    """For a status that is no success."""
    status, host = response.status_code, response.request.url.host
    is_transient = status in TRANSIENT or status >= 500
    told = f"{host} answered {_named(status)}"
    if status in (401, 403, 407):
        return FetchFailed("not_permitted", f"{told}: it does not let us have the list; are user and password right?")
    if status in (404, 410):
        return FetchFailed("not_found", f"{told}: there is no list at this address")
    code = "too_many_requests" if status == 429 else "server_error" if is_transient else "refused"
    wait = retry_after(response.headers, datetime.now(UTC)) if is_transient else None
    return FetchFailed(code, told, is_transient=is_transient, retry_after=wait)


def retry_after(headers: httpx.Headers, now: datetime) -> timedelta | None:
    """How long the server asks us to wait, at most a day; seconds or a date, which is held against the server's own."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    until = _date(text)
    if until is None:
        return None
    wait = until - (_date(headers.get("date", "")) or now)
    return min(max(wait, timedelta(0)), LONGEST_WAIT)


def require_list(head: bytes, content_type: str | None, host: str) -> None:
    """Raises FetchFailed when these first bytes are a page for people or a program's message.

    The type alone says little: many a program sends its CSV as text/html.
    """
    text, kind = _text(head), (content_type or "").lower()
    if HTML.match(text) or (text.startswith(b"<") and "html" in kind):
        message = f"what {host} sent is a web page, not a list; an error or a page to sign in?"
        raise FetchFailed("not_a_list", message)
    if text.startswith((b"{", b"[")) and "json" in kind:
        raise FetchFailed("not_a_list", f"what {host} sent is JSON, not a list")


def _text(head: bytes) -> bytes:
    """Its beginning, as ASCII, in whatever encoding of Unicode it is."""
    if head.startswith(BYTE_ORDER_MARKS[1:]) or b"\0" in head[:4]:
        head = head.replace(b"\0", b"")
    for mark in BYTE_ORDER_MARKS:
        head = head.removeprefix(mark)
    return head.lstrip(SPACE)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
