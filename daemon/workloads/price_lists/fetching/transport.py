"""Carries a request over a wire: each on a connection of its own, to an address that has been looked at.

The check is made where the connection is: of the addresses that the host has at that moment none is asked that was not
looked at, whatever the host's name leads to a moment later.
"""

import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import certifi
import h11
import httpx

from daemon.workloads.price_lists.fetching.addresses import is_permitted
from daemon.workloads.price_lists.fetching.failure import FetchFailed, private_network
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import LookUp
from daemon.workloads.price_lists.fetching.pulse import Pulse
from daemon.workloads.price_lists.fetching.wire import Wire

GOODBYE_S = 0.5  # a server ends the connection at once after what it has announced, if it does so at all
LARGEST_HEAD = 65_536


class Transport:
    """Asks servers for one fetch. Raises FetchFailed, and whatever the tick raises; nothing of httpx."""

    def __init__(self, limits: Limits, pulse: Pulse, look_up: LookUp) -> None:
        self._limits = limits
        self._pulse = pulse
        self._look_up = look_up

    def ask(self, request: httpx.Request) -> httpx.Response:
        """Send a request that has no body; of the answer only the head is there. It is to be closed."""
        wire = self._connect(request.url)
        try:
            exchange = Exchange(wire, request.url.host)
            self._pulse.asked()
            head = exchange.ask(request)
        except BaseException:
            wire.close()
            raise
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=exchange, request=request)

    def _connect(self, url: httpx.URL) -> Wire:
        name = url.raw_host.decode("ascii")
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        addresses = self._look_up(name, self._pulse)
        if not all(is_permitted(address, self._limits.private_networks) for address in addresses):
            raise private_network(url.host)
        wire = Wire.connect(
            addresses,
            port,
            host=url.host,
            pulse=self._pulse,
            connect_s=self._limits.connect_s,
            silence_s=self._limits.silence_s,
        )
        try:
            if url.scheme == "https":
                wire.secure(trust(self._limits.authorities), name.rstrip("."))
        except BaseException:
            wire.close()
            raise
        return wire


class Exchange(httpx.SyncByteStream):
    """One question and its answer. Iterated, it is the body as it comes, in pieces of 64 KB at most."""

    def __init__(self, wire: Wire, host: str) -> None:
        self._wire = wire
        self._host = host
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)

    def ask(self, request: httpx.Request) -> h11.Response:
        """Send the request, which has no body, and return the head of its answer."""
        protocol = self._protocol
        question = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        self._wire.send((protocol.send(question) or b"") + (protocol.send(h11.EndOfMessage()) or b""))
        while True:
            event = self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise self._nonsense()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            event = self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._require_end()
                return
            else:
                raise self._nonsense()

    def close(self) -> None:
        self._wire.close()

    def _next(self) -> object:
        while True:
            try:
                event = self._protocol.next_event()
            except h11.RemoteProtocolError as error:
                if self._protocol.trailing_data[1]:
                    message = f"{self._host} ended the connection before all was sent"
                    raise FetchFailed("incomplete", message, is_transient=True) from None
                raise self._nonsense() from error
            if event is not h11.NEED_DATA:
                return event
            self._protocol.receive_data(self._wire.receive())

    def _require_end(self) -> None:
        """A program that counts letters where bytes are meant announces too little: what it sent would be cut."""
        more = self._protocol.trailing_data[0] or self._wire.receive_soon(GOODBYE_S)
        if more.strip():
            message = f"{self._host} sent more than the length it had announced"
            raise FetchFailed("wrong_length", message, is_transient=True)

    def _nonsense(self) -> FetchFailed:
        return FetchFailed("bad_answer", f"{self._host} does not answer as a web server does", is_transient=True)


@cache
def trust(authorities: Path | None) -> ssl.SSLContext:
    """Whose certificates are believed. Raises FetchFailed when the file cannot be read."""
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError:
        raise FetchFailed("no_authorities", f"the certificates in {authorities} cannot be read") from None
    if authorities is None and not _has_authorities():
        context.load_verify_locations(certifi.where())
    return context


def _has_authorities() -> bool:
    """Whether the system has any, where OpenSSL looks for them."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))
