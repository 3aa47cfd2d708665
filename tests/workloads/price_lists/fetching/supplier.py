"""A supplier's web server, on a real socket, which behaves as the test says: well or badly."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message

LONGEST_S = 30.0


@dataclass
class Visit:
    """One request, and the connection that it came on."""

    sock: socket.socket
    path: str
    headers: Message

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def stall(self) -> None:
        """Say nothing more until the other side goes."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65_536):
                pass

    def send_until_gone(self, piece: bytes, pause_s: float = 0.0) -> None:
        """For ever, or until the other side goes."""
        pause = threading.Event()
        with contextlib.suppress(OSError):
            while True:
                self.sock.sendall(piece)
                pause.wait(pause_s)


Behaviour = Callable[[Visit], None]


def head(status: int = 200, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} {http.client.responses.get(status, '')}", *lines, "", ""]).encode("latin-1")


def answer(body: bytes = b"", *lines: str, status: int = 200) -> Behaviour:
    """Well behaved."""
    return lambda visit: visit.send(head(status, f"Content-Length: {len(body)}", *lines) + body)


def redirect(to: str, status: int = 302, *lines: str) -> Behaviour:
    return answer(b"", f"Location: {to}", *lines, status=status)


@dataclass
class Supplier:
    """Listens on loopback, a thread for each connection; all of them end with the block."""

    behaviour: Behaviour = field(default_factory=answer)
    tls: ssl.SSLContext | None = None
    address: str = "127.0.0.1"
    port: int = 0
    visits: list[Visit] = field(default_factory=list)

    def __enter__(self) -> Supplier:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listener = socket.create_server((self.address, self.port), family=family)
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen, name="supplier")]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for sock in self._sockets:
            sock.close()

    @property
    def is_left(self) -> bool:
        """Whether all who came have gone."""
        return not any(thread.is_alive() for thread in self._threads[1:])

    def url(self, path: str = "/list.csv", host: str | None = None, login: str = "") -> str:
        place = host or (f"[{self.address}]" if ":" in self.address else self.address)
        return f"{'https' if self.tls else 'http'}://{login}{place}:{self.port}{path}"

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._sockets.append(sock)
                thread = threading.Thread(target=self._serve, args=[sock], name="supplier-visit")
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(LONGEST_S)
        with contextlib.suppress(OSError):
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            visit = self._hear(sock)
            if visit is not None:
                self.visits.append(visit)
                self.behaviour(visit)
                sock.shutdown(socket.SHUT_WR)
                visit.stall()

    @staticmethod
    def _hear(sock: socket.socket) -> Visit | None:
        said = b""
        while b"\r\n\r\n" not in said:
            piece = sock.recv(65_536)
            if not piece:
                return None
            said += piece
        line, _, rest = said.partition(b"\r\n")
        return Visit(sock, line.split()[1].decode(), http.client.parse_headers(io.BytesIO(rest)))
