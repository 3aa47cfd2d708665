"""A small HTTP server: GET and HEAD, few clients at a time, each for a few seconds."""

import os
import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from time import monotonic
from urllib.parse import urlsplit

import structlog

log = structlog.get_logger()

THREADS = 4  # and as many clients; others wait in the kernel's queue, which is as short
PATIENCE_S = 3.0  # for all of a request's head, and for all of the answer to be taken
HURRY_S = 0.25  # for all of the head, where another client waits: a probe gives up after a second
LONGEST_HEAD = 8192  # bytes
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """What a client is given."""

    status: HTTPStatus
    content_type: str
    body: bytes


Answer = Callable[[str, str], Page | None]  # a path, and the header Accept


def text_page(status: HTTPStatus, text: str) -> Page:
    """A line for people; what is not printable in it is left out."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return Page(status, TEXT, f"{line}\n".encode())


class Server:
    """Answers until it is closed. `answer` gives the page of a path, None where there is none; it is called by several
    threads at once."""

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        """Takes the port. Raises OSError where that cannot be."""
        self._answer = answer
        self._listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=THREADS
        )
        self._listening.setblocking(False)
        self._stop_reader, self._stop_writer = os.pipe()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._clients: set[socket.socket] = set()

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    def serve(self) -> None:
        """Until another thread calls `stop`; then every client is gone."""
        threads = [
            threading.Thread(target=self._serve, name=f"metrics-{n}", daemon=True) for n in range(2, THREADS + 1)
        ]
        for thread in threads:
            thread.start()
        self._serve()
        for thread in threads:
            thread.join()
        self._listening.close()
        os.close(self._stop_reader)
        os.close(self._stop_writer)

    def stop(self) -> None:
        """Have `serve` come to its end; clients are cut off."""
        self._stop.set()
        os.write(self._stop_writer, b"!")
        with self._lock:
            for client in self._clients:
                _cut_off(client)

    def _serve(self) -> None:
        waited_for: list[socket.socket | int] = [self._listening, self._stop_reader]
        while not self._stop.is_set():
            select.select(waited_for, [], [])
            try:
                client, address = self._listening.accept()
            except BlockingIOError:  # another thread has taken it
                continue
            except OSError:  # it has gone, or this process has no more files: not at once again
                self._stop.wait(0.1)
                continue
            with client:
                self._attend(client, address)

    def _is_wanted(self) -> bool:
        """Whether a client waits for a thread."""
        return bool(select.select([self._listening], [], [], 0)[0])

    def _attend(self, client: socket.socket, address: object) -> None:
        with self._lock:
            self._clients.add(client)
        try:
            if not self._stop.is_set():
                _Handler(client, address, self._answer, self._is_wanted)
        except OSError:  # it has gone, or is too slow
            pass
        except Exception as error:  # a client's outermost frame: the next may fare better
            log.error("metrics.failed", error_type=type(error).__name__, exc_info=error)
        finally:
            with self._lock:
                self._clients.discard(client)


class _Handler(BaseHTTPRequestHandler):
    """One request, one answer."""

    default_request_version = "HTTP/1.0"  # what is refused before its version is known is told so in full

    def __init__(self, client: socket.socket, address: object, answer: Answer, is_wanted: Callable[[], bool]) -> None:
        self._answer = answer
        self._is_wanted = is_wanted
        super().__init__(client, address, None)  # type: ignore[arg-type]

    def setup(self) -> None:
        """Read all of the head within the time, however slowly it comes, and no more than is fit for one."""
        super().setup()
        self.rfile.close()
        self.rfile = BytesIO(_read_head(self.request, self._is_wanted))
        self.request.settimeout(PATIENCE_S)

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        self.close_connection = True
        if self.command not in ("GET", "HEAD"):
            self._send(text_page(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD"), Allow="GET, HEAD")
            return False
        return True

    def do_GET(self) -> None:
        try:
            page = self._answer(urlsplit(self.path).path, self.headers.get("Accept", ""))
        except Exception:
            self._send(text_page(HTTPStatus.INTERNAL_SERVER_ERROR, "this failed; the log tells more"))
            raise
        self._send(page or text_page(HTTPStatus.NOT_FOUND, "there are /metrics, /healthz and /readyz"))

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library refuses: without what the client sent, and in our own form."""
        self._send(text_page(HTTPStatus(code), HTTPStatus(code).phrase))

    def _send(self, page: Page, **headers: str) -> None:
        self.send_response_only(page.status)
        own = {
            "Content-Type": page.content_type,
            "Content-Length": str(len(page.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
        for name, value in (own | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def log_message(self, *_: object) -> None:
        """Nothing: probes come every few seconds."""


def _read_head(client: socket.socket, is_wanted: Callable[[], bool]) -> bytes:
    """Raises OSError when it takes too long, or is too long."""
    began = monotonic()
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        took_s = monotonic() - began
        if took_s >= PATIENCE_S or (took_s >= HURRY_S and is_wanted()):
            raise TimeoutError("no request in time")
        client.settimeout(min(HURRY_S, PATIENCE_S - took_s))
        try:
            read = client.recv(LONGEST_HEAD - len(head))  # nothing, once it is as long as it may be
        except TimeoutError:
            continue
        if not read:
            raise ConnectionAbortedError("no request")
        head += read
    return head


def _cut_off(client: socket.socket) -> None:
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has gone by itself
