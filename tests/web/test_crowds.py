"""Many clients, slow clients, and a database that is away: whoever comes is answered in time, or hung up on."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from time import monotonic
from unittest.mock import Mock

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from daemon.web import connection, desk, live
from daemon.web.live import Live
from daemon.web.server import PageServer
from daemon.web.settings import Access, Address
from tests.support.database import Database
from tests.support.waiting import wait_until
from tests.web.conftest import Serve, Site

pytestmark = pytest.mark.one_server  # its subject are clients


def connect(site: Site) -> socket.socket:
    host, _, port = site.address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def has_ended(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nContent-Length: 9\r\n\r\ntoken",
    ],
)
def test_who_does_not_come_to_the_point_is_hung_up_on(
    site: Site, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_S", 0.3)
    with connect(site) as client:
        client.sendall(beginning)
        assert has_ended(client)
    assert site.http.get("/batches").status_code == 200


def test_who_takes_long_to_read_what_moves_is_not_hung_up_on(
    db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_S", 0.2)
    monkeypatch.setattr(live, "EVERY_S", 0.05)
    monkeypatch.setattr(live, "SIGN_OF_LIFE", 1)
    began = monotonic()
    with site.http.stream("GET", "/live") as stream:
        for _ in stream.iter_lines():
            if monotonic() - began > 0.6:
                return
    raise AssertionError("hung up on")


def test_a_crowd_takes_only_so_many_files_and_once_it_has_gone_others_are_served(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST", 5)
    with ExitStack() as stack:
        first = [stack.enter_context(connect(site)) for _ in range(5)]
        for client in first:
            client.sendall(b"GET / HTTP/1.1\r\n")
        assert all(has_ended(stack.enter_context(connect(site))) for _ in range(20))
    wait_until(lambda: is_served(site))


def is_served(site: Site) -> bool:
    try:
        return httpx.get(f"{site.address}/batches", timeout=20).status_code == 200
    except httpx.TransportError:
        return False


def test_who_has_gone_before_the_first_line_takes_nobodys_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that has asked for much in a row, and read none of it."""
    monkeypatch.setattr(live, "MOST", 1)

    async def come_and_go(looking: Live) -> None:
        for _ in range(3):
            messages = looking.follow("topic")
            assert isinstance(messages, AsyncGenerator)
            await messages.aclose()

    asyncio.run(come_and_go(Live(Mock(), Mock())))


@contextmanager
def closed_to_all(database: Database) -> Iterator[None]:
    """Nobody can connect, and whoever was is not any more."""
    with psycopg.connect(make_conninfo(database.dsn, dbname="postgres"), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database.name,))
        yield
        admin.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS true')


def test_while_the_database_is_away_nobody_waits_behind_others(
    database: Database, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "BEGINS_WITHIN_S", 1.0)
    site.get("/")
    began = monotonic()
    with closed_to_all(database), ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(lambda _: httpx.get(f"{site.address}/batches", timeout=60), range(12)))
        took_s = monotonic() - began
    assert {answer.status_code for answer in answers} == {503}
    assert took_s < 4
    wait_until(lambda: is_served(site))


def test_a_page_whose_role_is_not_there_yet_says_so_and_begins_once_it_is(
    db: psycopg.Connection, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another is made to log in; nobody is left waiting at a door behind which there is nobody."""
    monkeypatch.setattr(desk, "BEGINS_WITHIN_S", 1.0)
    role = f"late_{db.info.dbname}"
    site = serve(role)
    assert "cannot be reached" in site.get("/batches", 503)
    db.execute(SQL("CREATE ROLE {0} LOGIN IN ROLE catalogd_web").format(Identifier(role)))
    try:
        wait_until(lambda: is_served(site))
    finally:
        site.stop()
        db.execute(SQL("DROP ROLE {0}").format(Identifier(role)))


def test_where_the_server_has_come_to_its_end_nobody_is_let_in(
    site: Site, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    ended = Event()

    async def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(PageServer, "_serve", fail)
    server = PageServer(Access(Address("127.0.0.1", 0), frozenset()), database.session, "test", ended.set)
    server.bind()
    server.start()
    assert ended.wait(10)
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.place, timeout=5)
    server.stop()
