"""Servers that stall, trickle, break off, never end or talk nonsense; and a caller who wants no more."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from time import monotonic

import pytest

from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from tests.support.waiting import wait_until
from tests.workloads.price_lists.fetching.orders import LIST, LOOPBACK, order, order_first, refused
from tests.workloads.price_lists.fetching.supplier import Behaviour, Supplier, Visit, answer, head

PATIENT = Limits(private_networks=LOOPBACK)  # with the durations of production: nothing here may wait for them
BRIEF = replace(PATIENT, silence_s=1.2, connect_s=1.2)
MOST_S = 10.0  # for what should take less than one, on a busy machine


class Enough(Exception):
    """Raised by a tick."""


class Ticks:
    """What a caller sees; who has had enough after some time, if at all."""

    def __init__(self, enough_after: int | None = None) -> None:
        self.moments: list[float] = []
        self._enough_after = enough_after

    def __call__(self, _received: int, _expected: int | None) -> None:
        self.moments.append(monotonic())
        if len(self.moments) == self._enough_after:
            raise Enough


def stall_before_answer(visit: Visit) -> None:
    visit.stall()


def stall_in_head(visit: Visit) -> None:
    visit.send(b"HTTP/1.1 200 OK\r\nContent-")
    visit.stall()


def stall_in_body(visit: Visit) -> None:
    visit.send(head(200, "Content-Length: 1000000") + LIST)
    visit.stall()


STALLS = pytest.mark.parametrize("behaviour", [stall_before_answer, stall_in_head, stall_in_body])


@STALLS
def test_a_server_that_stalls_is_left(shelf: Shelf, behaviour: Behaviour) -> None:
    ticks = Ticks()
    with Supplier(behaviour) as supplier:
        failure = refused(supplier.url(), shelf, limits=BRIEF, tick=ticks)
        wait_until(lambda: supplier.is_left)
    assert (failure.code, failure.is_transient) == ("no_answer", True)
    assert failure.message == "127.0.0.1 was silent for 1.2 s"
    assert len(ticks.moments) >= 3


@STALLS
def test_what_a_tick_raises_ends_it_while_the_server_is_silent(
    shelf: Shelf, folder: Path, behaviour: Behaviour
) -> None:
    ticks = Ticks(enough_after=3)
    with Supplier(behaviour) as supplier:
        with pytest.raises(Enough):
            order(supplier.url(), shelf, limits=PATIENT, tick=ticks)
        assert monotonic() - ticks.moments[-1] < MOST_S
        wait_until(lambda: supplier.is_left)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("enough", [OSError, ValueError, TimeoutError, BrokenPipeError, KeyboardInterrupt])
def test_whatever_a_tick_raises_comes_through_as_it_is(shelf: Shelf, folder: Path, enough: type[BaseException]) -> None:
    raised = enough("of the caller")

    def tick(received: int, _expected: int | None) -> None:
        if received:
            raise raised

    with Supplier(stall_in_body) as supplier:
        with pytest.raises(enough) as caught:
            order(supplier.url(), shelf, limits=PATIENT, tick=tick)
        wait_until(lambda: supplier.is_left)
    assert caught.value is raised
    assert list(folder.iterdir()) == []


def test_a_tick_ends_a_transfer_that_is_going_well(shelf: Shelf, folder: Path) -> None:
    with Supplier(lambda visit: (visit.send(head(200)), visit.send_until_gone(bytes(65_536)))) as supplier:
        with pytest.raises(Enough):
            order(supplier.url(), shelf, limits=replace(PATIENT, size_bytes=10**12), tick=Ticks(enough_after=3))
        wait_until(lambda: supplier.is_left)
    assert list(folder.iterdir()) == []


def test_a_trickle_is_too_slow(shelf: Shelf) -> None:
    limits = replace(PATIENT, slowest_bytes_per_minute=6_000, slowness_s=0.8)
    with Supplier(lambda visit: (visit.send(head(200)), visit.send_until_gone(b"x", 0.1))) as supplier:
        failure = refused(supplier.url(), shelf, limits=limits)
        wait_until(lambda: supplier.is_left)
    assert (failure.code, failure.is_transient) == ("too_slow", True)


def test_a_trickle_of_headers_is_too_slow(shelf: Shelf) -> None:
    limits = replace(PATIENT, slowest_bytes_per_minute=6_000, slowness_s=0.8)
    with Supplier(
        lambda visit: (visit.send(b"HTTP/1.1 200 OK\r\nX-Y: "), visit.send_until_gone(b"x", 0.1))
    ) as supplier:
        assert refused(supplier.url(), shelf, limits=limits).code == "too_slow"


def test_who_thinks_long_and_then_is_quick_is_not_too_slow(shelf: Shelf) -> None:
    limits = replace(PATIENT, slowest_bytes_per_minute=60_000, slowness_s=0.5)
    pause = threading.Event()
    with Supplier(lambda visit: (pause.wait(1.2), answer(LIST)(visit))) as supplier:
        order_first(supplier.url(), shelf, limits=limits)


def test_an_endless_body_is_ended_by_its_size(shelf: Shelf) -> None:
    limits = replace(PATIENT, size_bytes=1_000_000)
    with Supplier(lambda visit: (visit.send(head(200)), visit.send_until_gone(bytes(65_536)))) as supplier:
        failure = refused(supplier.url(), shelf, limits=limits)
        wait_until(lambda: supplier.is_left)
    assert (failure.code, failure.is_transient) == ("too_big", False)


def test_an_endless_body_is_ended_by_time(shelf: Shelf) -> None:
    limits = replace(PATIENT, download_s=0.6)
    with Supplier(lambda visit: (visit.send(head(200)), visit.send_until_gone(b"x" * 2_000, 0.05))) as supplier:
        failure = refused(supplier.url(), shelf, limits=limits)
    assert (failure.code, failure.is_transient) == ("took_too_long", True)


def test_a_bomb_is_ended_by_what_it_becomes(shelf: Shelf) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    limits = replace(PATIENT, size_bytes=1_000_000)
    assert len(bomb) < limits.size_bytes
    with Supplier(answer(bomb, "Content-Encoding: gzip")) as supplier:
        assert refused(supplier.url(), shelf, limits=limits).code == "too_big"


def test_what_is_packed_into_nothing_is_ended_by_what_comes(shelf: Shelf) -> None:
    """Packed parts without any content, one after the other."""
    limits = replace(PATIENT, size_bytes=1_000_000)
    nothing = gzip.compress(b"") * 3_000
    with Supplier(
        lambda visit: (visit.send(head(200, "Content-Encoding: gzip")), visit.send_until_gone(nothing))
    ) as supplier:
        assert refused(supplier.url(), shelf, limits=limits).code == "too_big"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (head(200, "Content-Length: 29") + LIST, "incomplete"),
        (head(200, "Transfer-Encoding: chunked") + b"5\r\nsku;n\r\n", "incomplete"),
        (head(200, "Content-Length: 10", "Content-Encoding: gzip") + gzip.compress(LIST, mtime=0)[:10], "incomplete"),
        (b"", "incomplete"),
        (b"HTTP/1.1 200 OK\r\nConte", "incomplete"),
        (head(200, "Transfer-Encoding: chunked") + b"xyz\r\n", "bad_answer"),
        (head(200, "Content-Length: -1") + LIST, "bad_answer"),
        (head(200, "Content-Length: 1", "Content-Length: 2") + LIST, "bad_answer"),
        (b"220 ftp.example ready\r\n\r\n", "bad_answer"),
        (b"\x16\x03\x01\x02\x00" * 20 + b"\r\n\r\n", "bad_answer"),
        (head(101, "Upgrade: websocket", "Connection: upgrade"), "bad_answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "bad_answer"),
        (head(200, "Content-Length: 5", "Content-Encoding: gzip") + b"plain", "damaged"),
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_or_is_none(shelf: Shelf, said: bytes, code: str) -> None:
    with Supplier(lambda visit: visit.send(said)) as supplier:
        failure = refused(supplier.url(), shelf)
    assert (failure.code, failure.is_transient) == (code, True)


def test_endless_interim_answers_are_ended(shelf: Shelf) -> None:
    limits = replace(PATIENT, download_s=0.6)
    with Supplier(lambda visit: visit.send_until_gone(head(103) * 100)) as supplier:
        assert refused(supplier.url(), shelf, limits=limits).code == "took_too_long"


def test_a_connection_that_is_reset(shelf: Shelf) -> None:
    def reset(visit: Visit) -> None:
        visit.send(head(200, "Content-Length: 1000") + LIST)
        visit.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        visit.sock.close()

    with Supplier(reset) as supplier:
        failure = refused(supplier.url(), shelf)
    assert (failure.code, failure.is_transient) == ("connection_lost", True)


def test_nobody_listens(shelf: Shelf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failure = refused(f"http://127.0.0.1:{port}/", shelf)
    assert (failure.code, failure.is_transient) == ("unreachable", True)
    assert failure.message == f"127.0.0.1 cannot be reached on port {port}: connection refused"


@pytest.fixture
def full() -> Iterator[int]:
    """The port of a host that does not answer: its queue is full, and packets to it are lost."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            waiting.append(sock)
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


def test_a_host_that_does_not_answer(shelf: Shelf, full: int) -> None:
    ticks = Ticks()
    failure = refused(f"http://127.0.0.1:{full}/", shelf, limits=BRIEF, tick=ticks)
    assert (failure.code, failure.is_transient) == ("unreachable", True)
    assert failure.message.endswith("connection timed out")
    assert len(ticks.moments) >= 3


def test_a_tick_ends_the_wait_for_a_connection(shelf: Shelf, full: int) -> None:
    ticks = Ticks(enough_after=3)
    with pytest.raises(Enough):
        order(f"http://127.0.0.1:{full}/", shelf, limits=PATIENT, tick=ticks)
    assert monotonic() - ticks.moments[-1] < MOST_S


def test_of_several_addresses_the_first_that_answers_is_taken(shelf: Shelf) -> None:
    limits = replace(PATIENT, private_networks=(ip_network("127.0.0.0/8"),))
    with Supplier(answer(LIST)) as supplier:
        names = {"prices.test": ["127.0.0.2 127.0.0.1"]}  # at the first nobody listens
        order_first(supplier.url(host="prices.test"), shelf, limits=limits, names=names)
