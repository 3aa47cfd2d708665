"""`catalogd status --watch`: on a real terminal, in a pipe, and while the database is away."""

import json
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import psycopg
import pytest

from daemon.commands.trouble import explain
from daemon.terminal import live
from daemon.terminal.lifeline import Lifeline
from daemon.terminal.live import Looker, watch
from daemon.terminal.picture import Picture
from daemon.workloads.categorization.kind import KIND
from tests.support.database import Database
from tests.support.factories import batch
from tests.support.process import Catalogd
from tests.support.screen import Terminal

pytestmark = pytest.mark.one_server

INTO_ITS_OWN, BACK = "\x1b[?1049h", "\x1b[?1049l"
COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


def move(db: psycopg.Connection, batch_id: int, processed: int) -> None:
    db.execute(
        "UPDATE categorization_batches SET status = 'processing', total_products = 1000, processed_products = %s,"
        " success_products = %s, started_at = coalesce(started_at, now()) WHERE id = %s",
        (processed, processed, batch_id),
    )


def test_a_screen_that_is_renewed_and_left_as_it_was(db: psycopg.Connection, catalogd: Catalogd) -> None:
    batch_id = batch(db, [1])
    move(db, batch_id, 100)
    with Terminal("status", "--watch", environment=catalogd.environment) as terminal:
        terminal.wait_for(r"processing.* 100 +1,000")
        assert terminal.text.index(INTO_ITS_OWN) < terminal.text.index("processing")
        move(db, batch_id, 321)
        terminal.wait_for(r" 321 +1,000")
        seen = len(terminal.text)
        terminal.resize(140, 30)
        terminal.wait_for(r"\btook\b", after=seen)
        assert "\x1b[2J" in terminal.text[seen:], "what the terminal made of the old lines is gone"
        assert COLOURS.search(terminal.text)
        assert terminal.signal(signal.SIGINT) == 130
        assert BACK in terminal.text[seen:]
        assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l"), "the cursor is seen again"
        assert terminal.settings == terminal.before
        assert "Traceback" not in terminal.text


def test_a_stop_by_others_leaves_the_screen_too_and_no_colour_is_none(
    db: psycopg.Connection, catalogd: Catalogd
) -> None:
    batch_id = batch(db, [1])
    move(db, batch_id, 5)
    environment = catalogd.environment | {"NO_COLOR": "1"}
    with Terminal("status", str(batch_id), "--watch", environment=environment, columns=40, lines=8) as terminal:
        terminal.wait_for(r"processing")
        terminal.wait_for(r"no instance is at work")
        assert terminal.signal(signal.SIGTERM) == 130
        assert BACK in terminal.text
        assert not COLOURS.search(terminal.text)


def test_pages_in_a_pipe_and_objects_for_scripts(db: psycopg.Connection, catalogd: Catalogd) -> None:
    batch_id = batch(db, [1])
    move(db, batch_id, 10)
    with catalogd.popen("status", "--watch") as pages, catalogd.popen("status", "--watch", "--json") as objects:
        assert pages.stdout is not None
        assert objects.stdout is not None
        first = [next(iter(pages.stdout.readline, "")) for _ in range(5)]
        assert not any("\x1b" in line for line in first)
        assert re.match(r"\d\d:\d\d:\d\d\n", first[0])
        found = json.loads(objects.stdout.readline())
        assert found.keys() == {"at", "batches", "open", "instances", "duties"}
        assert found["open"] == {"categorization": {"processing": 1}, "price-lists": {}}
        assert (found["instances"], found["duties"]) == ([], [])
        assert found["batches"][0]["processed"] == 10
        move(db, batch_id, 20)
        while json.loads(objects.stdout.readline())["batches"][0]["processed"] != 20:
            pass
        pages.stdout.close()  # as `| head` does
        objects.stdout.close()
        assert (pages.wait(10), objects.wait(10)) == (0, 0)
        assert pages.stderr is not None
        assert pages.stderr.read() == ""


class Shown:
    """What was shown; after the last of the steps it ends the watch."""

    def __init__(self, pause: Event, steps: Sequence[object]) -> None:
        self._pause = pause
        self._steps = list(steps)
        self.seen: list[tuple[Picture, str]] = []

    def __call__(self, picture: Picture, trouble: str) -> None:
        self.seen.append((picture, trouble))
        if not self._steps:
            self._pause.set()
            return
        step = self._steps.pop(0)
        assert callable(step)
        step()


@contextmanager
def lifeline_to(database: Database, refusals: list[psycopg.Error]) -> Iterator[Lifeline]:
    def connect() -> psycopg.Connection:
        if refusals:
            raise refusals.pop()
        return database.session.connect("status")

    lifeline = Lifeline(connect)
    try:
        yield lifeline
    finally:
        lifeline.close()


def test_while_the_database_is_away_it_says_so_and_goes_on(
    database: Database, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_EVERY_S", 0.01)
    batch(db, [1])
    refusals: list[psycopg.Error] = []

    def cut() -> None:
        refusals.append(psycopg.OperationalError("connection refused"))
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE '% status'"
        )

    def wait() -> None:
        """Away still, and then back."""

    pause = Event()
    shown = Shown(pause, [cut, wait, wait])
    with lifeline_to(database, refusals) as lifeline:
        watch(Looker(lifeline, [KIND], None), shown, explain, pause)
    troubles = [trouble for _, trouble in shown.seen]
    assert troubles[0] == troubles[3] == ""
    assert "terminating connection" in troubles[1]
    assert (
        "connection refused; check that the server runs there (systemctl status postgresql), then DATABASE_URL"
        in troubles[2]
    )
    assert all(re.match(r"0\.\d\d s old, trying again: ", trouble) for trouble in troubles[1:3])
    assert [len(picture.listed) for picture, _ in shown.seen] == [1, 1, 1, 1]


def test_a_silent_server_is_not_waited_for_for_ever(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.terminal.lifeline.ANSWER_S", 0.1)
    with (
        lifeline_to(database, []) as lifeline,
        pytest.raises(psycopg.OperationalError),
        lifeline.connection() as conn,
    ):
        conn.execute("SELECT pg_sleep(20)")


def test_nobody_there_at_the_beginning_is_the_callers_to_tell(database: Database) -> None:
    with (
        lifeline_to(database, [psycopg.OperationalError("connection refused")]) as lifeline,
        pytest.raises(psycopg.OperationalError),
    ):
        watch(Looker(lifeline, [KIND], None), Shown(Event(), []), explain, Event())
