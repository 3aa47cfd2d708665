"""How a stop is told to whoever waits for it."""

import psycopg
import pytest

from daemon.engine import supervisor
from tests.support.database import Database
from tests.support.engine import Engine, ms
from tests.support.factories import batch, shop
from tests.support.waiting import wait_until
from tests.support.workload import Gate, RecordingWorkload

pytestmark = pytest.mark.one_server  # its subject are our own threads


def test_a_stop_that_does_not_come_on_is_not_said_to(
    db: psycopg.Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be given more and more time."""
    monkeypatch.setattr(supervisor, "DRAIN_S", 0.01)
    gate = Gate()
    batch(db, shop(db, products=1))
    looks = []
    with Engine(database.session, RecordingWorkload(before=gate), workers=2) as engine:
        assert gate.reached.wait(10)
        remaining = engine.supervisor._remaining
        monkeypatch.setattr(
            engine.supervisor, "_remaining", lambda **patience: looks.append(0) or remaining(**patience)
        )
        engine.inbox.put(15)
        wait_until(lambda: len(looks) > 50)  # a second and more in which the one with the slice shows no life
        assert len(engine.drained) <= 5
        before = len(engine.drained)
        wait_until(lambda: len(looks) > 100)
        assert len(engine.drained) == before
        gate.open()
        engine.wait()
    assert engine.code == 0


def test_a_thread_that_holds_everything_up_does_not_keep_the_process(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop itself is held up by a lock: the process is left all the same."""
    monkeypatch.setattr(supervisor, "LAST_PATIENCE_S", 0.1)
    with Engine(database.session, grace=ms(0)) as engine:
        stop_hands = engine.supervisor._stop_hands

        def hold_up() -> None:
            wait_until(lambda: engine.left is not None)
            stop_hands()

        monkeypatch.setattr(engine.supervisor, "_stop_hands", hold_up)
    assert engine.left == 1
