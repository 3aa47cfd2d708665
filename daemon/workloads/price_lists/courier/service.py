"""Talks to the external service: orders a job, asks how it is, fetches its result."""

import http.client
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import httpx

from daemon import __version__
from daemon.workloads.price_lists.courier.answers import (
    Done,
    Failed,
    Working,
    read_job_id,
    read_message,
    read_object,
    read_status,
)
from daemon.workloads.price_lists.courier.parcel import Parcel
from daemon.workloads.price_lists.courier.question import Question
from daemon.workloads.price_lists.fetching.answers import TRANSIENT, retry_after
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.fetch import Fetched, fetch
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import LookUp, look_up
from daemon.workloads.price_lists.fetching.pulse import Pulse, Tick
from daemon.workloads.price_lists.fetching.shelf import Shelf, Shelved
from daemon.workloads.price_lists.fetching.source import Source, SourceKind, bare, web_address
from daemon.workloads.price_lists.fetching.transport import trust
from daemon.workloads.price_lists.fetching.unpacking import unpacked
from daemon.workloads.price_lists.fetching.wire import Wire
from daemon.workloads.price_lists.trust import RememberedNames, trusting

HEADERS = {
    "User-Agent": f"catalogd/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
LONGEST_ANSWER = 1_000_000  # bytes
ASK_S, SILENCE_S = 60.0, 30.0  # for a question, and without a byte meanwhile


class JobUnknown(Exception):
    """The service does not know the job, or not any more."""


class Service:
    """The service at one address; used by several threads. Raises FetchFailed, and whatever a tick raises."""

    def __init__(self, address: str, limits: Limits, look_up: LookUp = look_up) -> None:
        url = web_address(address)
        self._login = _login(url)
        self._address = bare(url).copy_with(path=url.path.rstrip("/") + "/", query=None)
        self._userinfo = url.userinfo
        self._limits = limits
        self._asking = replace(limits, download_s=ASK_S, silence_s=SILENCE_S, slowest_bytes_per_minute=0)
        self._look_up = RememberedNames(look_up)

    def order(self, parcel: Parcel, key: str, tick: Tick) -> tuple[str, bool]:
        """The job's id, and whether the service had it already."""
        wanted = {"file_url": parcel.file_url, "supplier_id": parcel.supplier_id, "file_type": parcel.file_type}
        content = json.dumps(wanted).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        response, body = self._ask("POST", "analyze/file", tick, headers, content)
        if response.status_code == 409:  # there is one of this key: it says which, or is about to make it
            try:
                return read_job_id(read_object(body)), True
            except FetchFailed:
                raise refusal(response, body, is_transient=True) from None
        if not response.is_success:
            raise refusal(response, body)
        return read_job_id(read_object(body)), response.status_code == 200

    def status(self, job_id: str, tick: Tick) -> Working | Done | Failed:
        """Raises JobUnknown."""
        response, body = self._ask("GET", f"analyze/status/{quote(job_id, safe='')}", tick)
        if response.status_code in (404, 410):
            raise JobUnknown(job_id)
        if not response.is_success:
            raise refusal(response, body)
        return read_status(read_object(body))

    def fetch_result(self, result_url: str, shelf: Shelf, tick: Tick) -> Shelved:
        """Where the service says, but from the service itself only."""
        url = web_address(result_url, base=self._address)
        ours = self._address
        if (url.scheme, url.host, url.port) != (ours.scheme, ours.host, ours.port):
            raise FetchFailed("elsewhere", "the service says that the result is on another host, which is not allowed")
        url = url.copy_with(userinfo=self._userinfo, fragment=None)
        pulse = Pulse(tick, self._limits)
        limits, names = trusting(url, replace(self._limits, redirects=0), pulse, self._look_up)
        found = fetch(Source(SourceKind.CSV, str(url)), shelf, limits, None, tick, names)
        assert isinstance(found, Fetched)  # noqa: S101  # there was no previous one
        return found.file

    def _ask(
        self, method: str, path: str, tick: Tick, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> tuple[httpx.Response, bytes]:
        """The head of the answer, and its body."""
        url = httpx.URL(f"{self._address}{path}")
        request = httpx.Request(method, url, headers=HEADERS | self._login | dict(headers or {}), content=content)
        pulse = Pulse(tick, self._asking)
        try:
            response = self._send(request, pulse)
            try:
                return response, _read(response)
            finally:
                response.close()
        except FetchFailed as failure:
            if failure.code != "took_too_long":
                raise
            message = f"{url.host} did not answer within {self._asking.download_s:g} s"
            raise FetchFailed("took_too_long", message, is_transient=True) from None

    def _send(self, request: httpx.Request, pulse: Pulse) -> httpx.Response:
        """No address is looked at: the operator chose the host."""
        url, name = request.url, request.url.raw_host.decode("ascii")
        wire = Wire.connect(
            self._look_up(name, pulse),
            url.port or {"http": 80, "https": 443}[url.scheme],
            host=url.host,
            pulse=pulse,
            connect_s=self._asking.connect_s,
            silence_s=self._asking.silence_s,
        )
        try:
            if url.scheme == "https":
                wire.secure(trust(self._asking.authorities), name.rstrip("."))
            exchange = Question(wire, url.host)
            head = exchange.ask(request)
        except BaseException:
            wire.close()
            raise
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=exchange, request=request)


def refusal(response: httpx.Response, body: bytes, *, is_transient: bool = False) -> FetchFailed:
    """For a status that is no success. What the service says by it may hold what it was given."""
    status = response.status_code
    is_transient = is_transient or status in TRANSIENT or status >= 500
    told = f"{response.request.url.host} answered {status} {http.client.responses.get(status, '')}".strip()
    wait = retry_after(response.headers, datetime.now(UTC)) if is_transient else None
    try:
        reason = read_message(read_object(body))
    except FetchFailed:
        reason = ""
    return FetchFailed("refused", f"{told}: {reason}" if reason else told, is_transient=is_transient, retry_after=wait)


def _read(response: httpx.Response) -> bytes:
    body = b""
    for piece in unpacked(response.iter_raw(), response.headers.get("content-encoding", ""), response.request.url.host):
        body += piece
        if len(body) > LONGEST_ANSWER:
            raise FetchFailed("too_big", "the answer of the service is too long", is_transient=True)
    return body


def _login(url: httpx.URL) -> dict[str, str]:
    if not url.userinfo:
        return {}
    login = b64encode(f"{url.username}:{url.password}".encode())
    return {"Authorization": f"Basic {login.decode('ascii')}"}
