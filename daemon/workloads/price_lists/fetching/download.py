"""A list on the web: asked for through redirects, and written down as it comes.

Without httpx's client: it would log whole addresses, secrets included, and read where a redirect leads before we do.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from daemon import __version__
from daemon.workloads.price_lists.fetching import sheets
from daemon.workloads.price_lists.fetching.answers import refusal, require_list
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.label import Label
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import LookUp
from daemon.workloads.price_lists.fetching.pulse import Pulse
from daemon.workloads.price_lists.fetching.shelf import Draft
from daemon.workloads.price_lists.fetching.source import Source, SourceKind, bare, public_address, web_address
from daemon.workloads.price_lists.fetching.transport import Transport
from daemon.workloads.price_lists.fetching.unpacking import ACCEPTED, unpacked

REDIRECTS = frozenset({301, 302, 303, 307, 308})
ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,500}"')
PLAIN = re.compile(r"[\x20-\x7e]{1,200}")
HEADERS = {
    "User-Agent": f"catalogd/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": ACCEPTED,
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of the list."""

    is_modified: bool
    url: str  # with secrets left out
    etag: str | None
    last_modified: str | None
    content_type: str | None


class Download:
    """One fetch from the web. Raises FetchFailed, and whatever the tick raises."""

    def __init__(self, source: Source, limits: Limits, pulse: Pulse, look_up: LookUp) -> None:
        self._source = source
        self._limits = limits
        self._pulse = pulse
        self._transport = Transport(limits, pulse, look_up)

    def into(self, draft: Draft, previous: Label | None) -> Answer:
        """Write the list down, unless the server says that it is the previous one still."""
        home = self._source.url
        conditions = _conditions(previous)
        cookies = httpx.Cookies()  # some servers redirect for ever those who do not show them
        url = bare(home)
        for _ in range(self._limits.redirects + 1):
            request = httpx.Request("GET", url, headers=HEADERS | conditions | _login(home, url))
            cookies.set_cookie_header(request)
            response = self._transport.ask(request)
            try:
                if response.status_code not in REDIRECTS or "location" not in response.headers:
                    return self._take(response, draft, is_conditional=bool(conditions))
                if all(cookie.isascii() for cookie in response.headers.get_list("set-cookie")):  # could be sent back
                    cookies.extract_cookies(response)
                url = self._follow(response)
            finally:
                response.close()
        message = f"{home.host} redirects more than {self._limits.redirects} times"
        raise FetchFailed("too_many_redirects", message)

    def _follow(self, response: httpx.Response) -> httpx.URL:
        """User and password that the redirect names are not heard: nobody sends us anywhere as somebody."""
        url = web_address(response.headers["location"], base=response.request.url)
        if self._is_sheet and url.host == sheets.SIGN_IN:
            raise FetchFailed("not_shared", sheets.NOT_SHARED)
        return url

    def _take(self, response: httpx.Response, draft: Draft, *, is_conditional: bool) -> Answer:
        status, host = response.status_code, response.request.url.host
        if status == 304 and is_conditional:
            return _answer(response, is_modified=False)
        if status != 200:
            if self._is_sheet and status in (401, 403):
                raise FetchFailed("not_shared", sheets.NOT_SHARED)
            raise refusal(response)
        self._write(response, draft)
        answer = _answer(response, is_modified=True)
        try:
            require_list(draft.head, answer.content_type, host)
        except FetchFailed:
            if self._is_sheet:
                raise FetchFailed("not_shared", sheets.NOT_SHARED) from None
            raise
        return answer

    def _write(self, response: httpx.Response, draft: Draft) -> None:
        self._pulse.received = 0
        self._pulse.expected = _announced(response)
        self._require_size(self._pulse.expected or 0)
        encoding = response.headers.get("content-encoding", "")
        for piece in unpacked(self._counted(response), encoding, response.request.url.host):
            draft.write(piece)
            self._require_size(draft.size_bytes)
            self._pulse.beat()

    def _counted(self, response: httpx.Response) -> Iterator[bytes]:
        for piece in response.iter_raw():
            self._pulse.received += len(piece)
            self._require_size(self._pulse.received)
            yield piece

    def _require_size(self, size_bytes: int) -> None:
        most = self._limits.size_bytes
        if size_bytes > most:
            raise FetchFailed("too_big", f"the list is larger than {most:,} bytes, which is the most allowed")

    @property
    def _is_sheet(self) -> bool:
        return self._source.kind is SourceKind.GOOGLE_SHEETS


def _login(home: httpx.URL, url: httpx.URL) -> dict[str, str]:
    """User and password of the address that was given, for a request to another or the same."""
    if not home.userinfo or not _may_have_login(home, url):
        return {}
    login = b64encode(f"{home.username}:{home.password}".encode())
    return {"Authorization": f"Basic {login.decode('ascii')}"}


def _may_have_login(home: httpx.URL, url: httpx.URL) -> bool:
    """Only the host it was given for; not by an open connection, if it was to be a secret one."""
    if url.host != home.host:
        return False
    if (url.scheme, url.port) == (home.scheme, home.port):
        return True
    return (home.scheme, home.port, url.scheme, url.port) == ("http", None, "https", None)


def _conditions(previous: Label | None) -> dict[str, str]:
    if previous is None:
        return {}
    known = {"If-None-Match": _kept(previous.etag, ETAG), "If-Modified-Since": _kept(previous.last_modified, PLAIN)}
    return {name: value for name, value in known.items() if value}


def _announced(response: httpx.Response) -> int | None:
    """The bytes that will come; h11 has seen to it that this is a number."""
    if "transfer-encoding" in response.headers or "content-length" not in response.headers:
        return None
    return int(response.headers["content-length"].split(",")[0])


def _answer(response: httpx.Response, *, is_modified: bool) -> Answer:
    """Headers are kept only if they are such that they can be sent back."""
    headers = response.headers
    return Answer(
        is_modified,
        public_address(response.request.url),
        _kept(headers.get("etag"), ETAG),
        _kept(headers.get("last-modified"), PLAIN),
        _kept(headers.get("content-type"), PLAIN),
    )


def _kept(value: str | None, form: re.Pattern[str]) -> str | None:
    return value if value is not None and form.fullmatch(value) else None
