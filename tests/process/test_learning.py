"""The daemon learns by itself: one instance of the fleet, in a child that everything else goes before."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from daemon.workloads.categorization.versions.store import exclusively
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.login import Login, password_login
from tests.support.process import Catalogd, Process
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the daemon's child

SECRET = "Qw8Rt5Yz2Lm9Nb"  # noqa: S105


@pytest.fixture
def login(database: Database, tmp_path: Path) -> Iterator[Login]:
    with password_login(database, tmp_path, SECRET) as role:
        yield role


def child_of(process: Process) -> int | None:
    """The process that learns, once it has put itself last."""
    found = []
    for task in Path(f"/proc/{process.popen.pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread, or a child, that has just ended
            children = map(int, task.joinpath("children").read_text().split())
            found += [child for child in children if os.getpriority(os.PRIO_PROCESS, child) == 19]
    return found[0] if found else None


def learner(process: Process) -> int:
    """Wait for it."""
    wait_until(lambda: child_of(process), timeout_s=100)
    found = child_of(process)
    assert found is not None
    return found


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def models(db: psycopg.Connection) -> int:
    row = db.execute("SELECT count(*) FROM categorization_models").fetchone()
    assert row is not None
    return int(row[0])


def test_a_daemon_learns_when_there_is_enough_and_uses_it(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=120, labelled=80)
    process = catalogd.start(CATALOGD_LEARN="on")
    assert process.wait_for("model.outdated")["reason"] == "80 labels, nothing learned"
    learned = process.wait_for("model.learned", timeout_s=100)
    assert (learned["products"], learned["categories"]) == (80, 2)
    assert process.wait_for("model.promoted", version=learned["version"])["why"] == "it is the first"
    process.wait_for("duty.done", duty="categorization.learn")
    process.wait_for("batch.completed", batch_id=batch(db, product_ids[80:]), success=40)
    process.wait_for("model.loaded", version=learned["version"])
    assert db.execute("SELECT DISTINCT model_version FROM predictions").fetchall() == [(learned["version"],)]
    assert process.stop() == 0
    audited = db.execute("SELECT actor_type FROM audit_log WHERE entity_type = 'categorization_model'").fetchall()
    assert audited == [("daemon",)]
    assert "duty categorization.learn: done 0:00:" in catalogd("status").stdout


def test_of_two_daemons_one_learns(db: psycopg.Connection, catalogd: Catalogd) -> None:
    shop(db, products=80, labelled=80)
    fleet = [catalogd.start(CATALOGD_LEARN="on") for _ in range(2)]
    learned = {"event": "duty.done", "duty": "categorization.learn"}.items()
    wait_until(lambda: [p for p in fleet for event in p.named("duty.done") if learned <= event.items()], timeout_s=100)
    assert [process.stop() for process in fleet] == [0, 0]
    assert models(db) == 1


def test_switched_off_it_does_not(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=80, labelled=80)
    process = catalogd.start(CATALOGD_LEARN="off")
    process.wait_for("batch.completed", batch_id=batch(db, product_ids))
    assert process.stop() == 0
    duties = "SELECT count(*) FROM catalogd_duties WHERE name LIKE 'categorization.%'"
    assert db.execute(duties).fetchone() == (0,)


def test_once_it_does_not_either(db: psycopg.Connection, catalogd: Catalogd) -> None:
    shop(db, products=80, labelled=80)
    assert catalogd("run", "--once", CATALOGD_LEARN="on").returncode == 0
    assert models(db) == 0


def test_learning_comes_last_and_a_stop_ends_it_at_once(db: psycopg.Connection, catalogd: Catalogd) -> None:
    shop(db, products=80, labelled=80)
    with exclusively(db):  # it cannot store what it has learned
        process = catalogd.start(CATALOGD_LEARN="on", CATALOGD_STOP_SECONDS="20")
        child = learner(process)
        wait_until(lambda: os.sched_getscheduler(child) == os.SCHED_IDLE)
        wait_until(lambda: Path(f"/proc/{child}/oom_score_adj").read_text() == "1000\n")
        if (group := Path(f"/proc/{child}/autogroup")).exists():  # what each is within it counts for little
            assert group.read_text().endswith("nice 19\n")
        process.signal(signal.SIGTERM)
        assert process.wait(8) == 0
        assert is_gone(child)
    assert models(db) == 0
    assert process.named("duty.failed") == []
    due = db.execute("SELECT due_at <= now() + interval '1 minute', failures FROM catalogd_duties").fetchone()
    assert due == (True, 0)


def test_learning_ends_with_the_daemon_however_that_ends(db: psycopg.Connection, catalogd: Catalogd) -> None:
    shop(db, products=80, labelled=80)
    with exclusively(db):
        process = catalogd.start(CATALOGD_LEARN="on")
        child = learner(process)
        wait_until(lambda: os.sched_getscheduler(child) == os.SCHED_IDLE)
        process.signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: is_gone(child))
    assert models(db) == 0


def test_a_child_that_is_killed_costs_a_retry_and_nothing_else(db: psycopg.Connection, catalogd: Catalogd) -> None:
    product_ids = shop(db, products=80, labelled=80)
    with exclusively(db):
        process = catalogd.start(CATALOGD_LEARN="on")
        os.kill(learner(process), signal.SIGKILL)
        failed = process.wait_for("duty.failed", timeout_s=100)
    assert failed["error"] == "learning failed: ended by SIGKILL; by want of memory?"
    assert failed["retry_in_s"] == 60
    process.wait_for("batch.completed", batch_id=batch(db, product_ids))
    said = catalogd("status").stdout
    assert "duty categorization.learn: failed 1 time: learning failed: ended by SIGKILL" in said
    assert process.stop() == 0


def test_what_a_child_says_last_is_why_it_failed(
    db: psycopg.Connection, database: Database, catalogd: Catalogd
) -> None:
    shop(db, products=80, labelled=80)
    with database.connect() as holder:
        with exclusively(holder):
            process = catalogd.start(CATALOGD_LEARN="on")
            learner(process)
            db.execute("REVOKE INSERT (entity_type) ON audit_log FROM catalogd_runtime")
        failed = process.wait_for("duty.failed", timeout_s=100)
    assert failed["error"].startswith("learning failed: this role may not do that (permission denied for ")
    assert process.stop() == 0
    assert models(db) == 0


def test_the_password_is_no_argument_of_the_child(db: psycopg.Connection, catalogd: Catalogd, login: Login) -> None:
    shop(db, products=80, labelled=80)
    with exclusively(db):
        process = catalogd.start(CATALOGD_LEARN="on", DATABASE_URL=login.dsn, DB_PASSWORD=SECRET)
        shown = Path(f"/proc/{learner(process)}/cmdline").read_bytes()
        assert b"learn" in shown
        assert SECRET.encode() not in shown
        assert process.stop() == 0
    assert SECRET not in str(process.events)
