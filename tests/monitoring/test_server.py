"""The small HTTP server bears whoever comes: slow, rude, many at a time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from time import monotonic

import pytest

from daemon.monitoring import server as module
from daemon.monitoring.server import LONGEST_HEAD, THREADS, Page, Server, text_page
from tests.support.events import EventTap
from tests.support.waiting import wait_until


@contextmanager
def serving(answer: module.Answer) -> Iterator[int]:
    """The port of a server with these pages."""
    server = Server("127.0.0.1", 0, answer)
    thread = threading.Thread(target=server.serve, name="metrics")
    thread.start()
    try:
        yield server.port
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


def page(path: str, accept: str) -> Page | None:
    return text_page(HTTPStatus.OK, f"you want {accept}") if path == "/here" else None


def say(port: int, request: bytes) -> bytes:
    """All that the server answers; nothing when it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request)
        return hear(client)


def hear(client: socket.socket) -> bytes:
    heard = b""
    try:
        while read := client.recv(65_536):
            heard += read
    except ConnectionError:
        pass
    return heard


def test_a_page_is_given_and_nothing_told_of_the_server() -> None:
    with serving(page) as port:
        answer = say(port, b"GET /here?x=1 HTTP/1.1\r\nHost: x\r\nAccept: this\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert body == b"you want this\n"
        assert b"Content-Length: 14\r\n" in head
        names = {line.split(b":")[0] for line in head.splitlines()[1:]}
        assert names == {
            b"Content-Type", b"Content-Length", b"Cache-Control", b"X-Content-Type-Options", b"Connection"
        }  # fmt: skip
        assert say(port, b"HEAD /here HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /there HTTP/1.0\r\n\r\n", 404),
        (b"GET http://evil.example/here HTTP/1.0\r\n\r\n", 200),
        (b"GET //evil.example/here HTTP/1.0\r\n\r\n", 404),
        (b"GET /../../etc/passwd HTTP/1.0\r\n\r\n", 404),
        (b"POST /here HTTP/1.0\r\nContent-Length: 9\r\n\r\n", 405),
        (b"DELETE /here HTTP/1.0\r\n\r\n", 405),
        (b"<script>alert(1)</script> /here HTTP/1.0\r\n\r\n", 405),
        (b"GET /here HTTP/9.0\r\n\r\n", 505),
        (b"GET\r\n\r\n", 400),
        (b"GET /here HTTP/1.0\r\n" + b"X-Header: x\r\n" * 150 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_for_a_page_is_refused(request_: bytes, status: int) -> None:
    with serving(page) as port:
        answer = say(port, request_)
        assert answer.startswith(b"HTTP/1.0 %d " % status)
        assert b"script" not in answer
        if status == 405:
            assert b"\r\nAllow: GET, HEAD\r\n" in answer


@pytest.mark.parametrize(
    "request_",
    [b"", b"\r\n\r\n", b"GET /here?" + b"a" * LONGEST_HEAD + b" HTTP/1.0\r\n\r\n", b"\x16\x03\x01" + b"\0" * 9000],
)
def test_what_is_no_request_at_all_is_hung_up_on(request_: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    with serving(page) as port:
        assert say(port, request_) == b""


def test_slow_clients_are_given_up_and_the_next_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the head as a whole does not."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.6)
    with serving(page) as port:
        slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(2 * THREADS)]
        dripping, stop = threading.Event(), threading.Event()

        def drip() -> None:
            while not stop.wait(0.1):
                for client in slow:
                    with suppress(OSError):
                        client.send(b"G")
                dripping.set()

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert dripping.wait(10)
            began = monotonic()
            assert say(port, b"GET /here HTTP/1.0\r\n\r\n").endswith(b"you want \n")
            assert monotonic() - began < 5
        finally:
            stop.set()
            thread.join()
            for client in slow:
                client.close()


def test_many_slow_clients_delay_no_probe_for_long() -> None:
    """With the patience that it has for one alone the last would wait for three times that."""
    with serving(page) as port:
        slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(3 * THREADS)]
        began = monotonic()
        assert say(port, b"GET /here HTTP/1.0\r\n\r\n").endswith(b"you want \n")
        assert monotonic() - began < 2.5
        for client in slow:
            client.close()


def test_who_does_not_take_the_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    huge = Page(HTTPStatus.OK, "text/plain", b"x" * 50_000_000)
    with serving(lambda path, _: huge if path == "/huge" else text_page(HTTPStatus.OK, "small")) as port:
        deaf = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(THREADS)]
        for client in deaf:
            client.sendall(b"GET /huge HTTP/1.0\r\n\r\n")
        assert say(port, b"GET /small HTTP/1.0\r\n\r\n").endswith(b"small\n")
        for client in deaf:
            client.close()


def test_a_stop_waits_for_no_client() -> None:
    server = Server("127.0.0.1", 0, page)
    thread = threading.Thread(target=server.serve, name="metrics")
    thread.start()
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(THREADS + 2)]
    wait_until(lambda: len(server._clients) == THREADS)
    began = monotonic()
    server.stop()
    thread.join()
    assert monotonic() - began < 2
    for client in idle:
        client.close()


def test_a_page_that_fails_is_told_and_the_next_is_served(events: EventTap) -> None:
    def answer(path: str, accept: str) -> Page | None:
        if path == "/bad":
            raise ValueError("a defect")
        return page(path, accept)

    with serving(answer) as port:
        said = say(port, b"GET /bad HTTP/1.0\r\n\r\n")
        assert said.startswith(b"HTTP/1.0 500 ")
        assert b"defect" not in said
        assert events.wait_for("metrics.failed")["error_type"] == "ValueError"
        assert say(port, b"GET /here HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")


def test_it_listens_on_an_address_of_ipv6_too() -> None:
    try:
        server = Server("::1", 0, page)
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    thread = threading.Thread(target=server.serve, name="metrics")
    thread.start()
    with socket.create_connection(("::1", server.port), timeout=20) as client:
        client.sendall(b"GET /here HTTP/1.0\r\n\r\n")
        assert hear(client).startswith(b"HTTP/1.0 200 ")
    server.stop()
    thread.join()
