"""What moves is sent to whoever looks; one poll serves all, and none runs while nobody looks."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic

import httpx
import psycopg
import pytest

from daemon.web import live
from tests.support.factories import batch
from tests.support.waiting import wait_until
from tests.web.conftest import TOKEN, Serve, Site
from tests.web.shops import ended, is_at_work

pytestmark = pytest.mark.one_server  # its subject is a stream


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.05)


def news(lines: Iterator[str]) -> str:
    """The HTML of the next event."""
    for line in lines:
        if line.startswith("data: "):
            html: str = json.loads(line.removeprefix("data: "))
            return html
    raise AssertionError("the stream has ended")


def test_a_batch_at_work_is_sent_as_it_moves(db: psycopg.Connection, site: Site) -> None:
    batch_id = ended(db, range(100))
    is_at_work(db, batch_id, 10)
    with (
        site.http.stream("GET", "/live") as overview,
        site.http.stream("GET", f"/live/batches/categorization/{batch_id}") as one,
    ):
        assert overview.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert overview.headers["x-accel-buffering"] == "no"
        streams = [overview.iter_lines(), one.iter_lines()]
        assert all('value="0.1000"' in news(lines) for lines in streams)
        is_at_work(db, batch_id, 60)
        for lines in streams:
            assert any('value="0.6000"' in news(lines) for _ in range(50))


def test_a_batch_that_nobody_works_on_is_told_of(db: psycopg.Connection, site: Site) -> None:
    batch_id = ended(db, range(100))
    is_at_work(db, batch_id, 10)
    db.execute(
        "UPDATE categorization_batches SET created_at = now() - interval '1 h', started_at = now() - interval '1 min'"
    )
    with (
        site.http.stream("GET", "/live") as overview,
        site.http.stream("GET", f"/live/batches/categorization/{batch_id}") as one,
    ):
        for lines in (overview.iter_lines(), one.iter_lines()):
            assert any("Nobody works on" in news(lines) for _ in range(100))
    assert "Nobody works on it" in site.get(f"/batches/categorization/{batch_id}")


def test_all_share_one_poll_that_ends_with_the_last(
    db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []
    monkeypatch.setattr(
        live.Live, "_read", lambda _self, _conn, topics: rounds.append(len(topics)) or ["x"] * len(topics)
    )
    with ExitStack() as stack:
        looking = [look(stack, site) for _ in range(5)]
        wait_until(lambda: len(rounds) >= 3)
    assert set(rounds) == {1}
    assert len(looking) == 5
    wait_until(lambda: is_quiet(rounds))


def look(stack: ExitStack, site: Site) -> Iterator[str]:
    """A client that has got its first line; it goes when nobody holds this any more."""
    lines = stack.enter_context(site.http.stream("GET", "/live")).iter_lines()
    assert next(lines) == "retry: 3000"
    return lines


def is_quiet(rounds: list[int]) -> bool:
    """Whether no round comes for a while."""
    before = len(rounds)
    with pytest.raises(AssertionError):
        wait_until(lambda: len(rounds) > before, timeout_s=0.3)
    return len(rounds) == before


def test_more_than_may_look_are_refused(db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 2)
    with ExitStack() as stack:
        looking = [look(stack, site) for _ in range(2)]
        with site.http.stream("GET", "/live") as refused:
            assert refused.status_code == 503
        assert len(looking) == 2
    wait_until(lambda: is_welcome(site))


def is_welcome(site: Site) -> bool:
    with site.http.stream("GET", "/live") as stream:
        return stream.status_code == 200


def test_what_does_not_change_is_not_sent_but_for_signs_of_life(
    db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.Live, "_read", lambda _self, _conn, topics: ["event: news\ndata: 1\n\n"] * len(topics))
    with site.http.stream("GET", "/live") as stream:
        received = []
        for line in stream.iter_lines():
            received.append(line)
            if received.count(": still here") == 2:
                break
    assert received.count("data: 1") == 1


def test_trouble_with_the_database_is_told_and_passes(db: psycopg.Connection, site: Site) -> None:
    with site.http.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        assert "Nothing is open" in news(lines)
        with db.transaction():
            db.execute("LOCK TABLE categorization_batches")
            assert "The database is busy" in news(lines)
        assert "Nothing is open" in news(lines)


def test_the_end_of_the_server_ends_the_streams(db: psycopg.Connection, serve: Serve) -> None:
    site = serve()
    with httpx.stream("GET", f"{site.address}/live", timeout=10) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 3000"
        began = monotonic()
        site.stop()
        assert monotonic() - began < 2
        assert list(lines)[-1:] == [""]  # the stream came to its end, and was not torn


def test_a_defect_in_one_round_is_told_and_the_next_goes_on(
    db: psycopg.Connection, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = iter([ValueError("a defect")])
    read = live.Live._read

    def once_broken(self: live.Live, conn: psycopg.Connection, topics: list[object]) -> list[str]:
        for error in rounds:
            raise error
        return read(self, conn, topics)

    monkeypatch.setattr(live.Live, "_read", once_broken)
    with site.http.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        assert "Something unexpected happened" in news(lines)
        assert "Nothing is open" in news(lines)


def test_who_has_logged_out_sees_no_more(db: psycopg.Connection, serve: Serve) -> None:
    """Where reading needs the token."""
    origin = "https://catalogd.example"
    site = serve(token=TOKEN, origins=frozenset({origin}))
    site.http.headers.update({"host": "catalogd.example", "origin": origin})
    cookie = site.http.post("/login", data={"token": TOKEN}).headers["set-cookie"].split(";")[0]
    site.http.headers["cookie"] = cookie
    csrf = site.get("/").split('name="csrf" value="')[1].split('"')[0]
    with site.http.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        assert "Nothing is open" in news(lines)
        assert site.http.post("/logout", data={"csrf": csrf}).status_code == 303
        batch(db, [1])
        with pytest.raises(AssertionError, match="the stream has ended"):
            news(lines)


def test_a_head_of_what_moves_is_only_its_head(site: Site) -> None:
    answer = site.http.head("/live", timeout=5)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["content-length"] == "0"
