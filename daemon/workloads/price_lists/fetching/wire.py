"""One connection to a host, plain or by TLS, on which no wait is unbounded and every wait beats the pulse."""

import errno
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Self, TypeVar

from daemon.workloads.price_lists.fetching.addresses import Address
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.pulse import Pulse

T = TypeVar("T")

PIECE = 65_536
MOST_ADDRESSES = 4  # of a host, that are tried


class _Broken(Exception):
    """The system refused an operation on the socket; unlike what a tick raises, which may be of any kind."""

    def __init__(self, error: OSError | ValueError) -> None:
        super().__init__(str(error))
        self.error = error


class Wire:
    """Not blocking; used by one thread. Raises FetchFailed, and whatever the tick raises."""

    def __init__(self, sock: socket.socket, host: str, pulse: Pulse, silence_s: float) -> None:
        self._socket = sock
        self._host = host  # as people know it
        self._pulse = pulse
        self._silence_s = silence_s

    @classmethod
    def connect(
        cls, addresses: Sequence[Address], port: int, *, host: str, pulse: Pulse, connect_s: float, silence_s: float
    ) -> Self:
        """To the first of the addresses that answers."""
        reasons = []
        for address in addresses[:MOST_ADDRESSES]:
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:  # no IPv6 on this machine
                reasons.append(error.errno or 0)
                continue
            try:
                failed = _connect(sock, (str(address), port), pulse, connect_s)
            except BaseException:
                sock.close()
                raise
            if not failed:
                return cls(sock, host, pulse, silence_s)
            sock.close()
            reasons.append(failed)
        reason = reasons[0] if reasons else errno.EHOSTUNREACH
        message = f"{host} cannot be reached on port {port}: {os.strerror(reason).lower()}"
        raise FetchFailed("unreachable", message, is_transient=True)

    def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Speak TLS from here on, with a host that proves to be the one of that name."""
        try:
            wrapped = context.wrap_socket(
                self._socket, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
        except (OSError, ValueError):  # ended already; a name that cannot be one
            raise self._not_secure() from None
        self._socket = wrapped
        try:
            self._patiently(wrapped.do_handshake, for_writing=False)
        except _Broken as broken:
            if isinstance(broken.error, ssl.SSLCertVerificationError):
                message = f"the certificate of {self._host} is not believed: {broken.error.verify_message}"
                raise FetchFailed("certificate", message) from None
            raise self._not_secure() from None

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                sent = self._patiently(lambda part=left: self._socket.send(part), for_writing=True)  # type: ignore[misc]
                left = left[sent:]
        except _Broken:
            raise self._lost() from None

    def receive(self) -> bytes:
        """What has come; empty when the server has ended the connection."""
        self._pulse.beat()
        try:
            data = self._patiently(lambda: self._socket.recv(PIECE), for_writing=False)
        except _Broken as broken:
            if isinstance(broken.error, ssl.SSLZeroReturnError):
                return b""
            raise self._lost() from None
        self._pulse.heard(len(data))
        return data

    def receive_soon(self, seconds: float) -> bytes:
        """What comes within that time; empty also when there was nothing, whatever the reason."""
        try:
            return self._patiently(lambda: self._socket.recv(PIECE), for_writing=False, seconds=seconds)
        except (_Broken, FetchFailed):
            return b""

    def close(self) -> None:
        self._socket.close()

    def _patiently(self, act: Callable[[], T], *, for_writing: bool, seconds: float | None = None) -> T:
        until = self._pulse.after(self._silence_s if seconds is None else seconds)
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                wants_to_write = False
            except ssl.SSLWantWriteError:
                wants_to_write = True
            except BlockingIOError:
                wants_to_write = for_writing
            except (OSError, ValueError) as error:
                raise _Broken(error) from None
            if not self._pulse.wait(self._socket.fileno(), for_writing=wants_to_write, until=until):
                message = f"{self._host} was silent for {self._silence_s:g} s"
                raise FetchFailed("no_answer", message, is_transient=True)

    def _not_secure(self) -> FetchFailed:
        return FetchFailed("no_tls", f"no secure connection to {self._host} came about", is_transient=True)

    def _lost(self) -> FetchFailed:
        return FetchFailed("connection_lost", f"the connection to {self._host} was lost", is_transient=True)


def _connect(sock: socket.socket, address: tuple[str, int], pulse: Pulse, connect_s: float) -> int:
    """0, or the number of the error."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    failed = sock.connect_ex(address)
    if failed not in (errno.EINPROGRESS, errno.EINTR):
        return failed
    if not pulse.wait(sock.fileno(), for_writing=True, until=pulse.after(connect_s)):
        return errno.ETIMEDOUT
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
