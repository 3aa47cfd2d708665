"""`catalogd tail`: each thing that happens to a batch is told once, up to its end."""

import json
import re
from collections.abc import Iterator
from threading import Event as Clock

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from daemon.commands.trouble import explain
from daemon.terminal import following
from daemon.terminal.following import Ended, Entry, Event, Failed, Follower, Gone, Progress, follow
from daemon.terminal.lifeline import Lifeline
from daemon.terminal.ticker import Ticker
from daemon.workloads.categorization.kind import KIND
from daemon.workloads.price_lists.kind import KIND as PRICE_LISTS
from tests.commands.conftest import Command
from tests.support.database import Database
from tests.support.factories import batch
from tests.support.price_lists import order, supplier
from tests.support.process import Catalogd
from tests.support.roles import RUNTIME, give_rights

pytestmark = pytest.mark.one_server


def fail_items(conn: psycopg.Connection, batch_id: int, *items: int) -> None:
    conn.execute(
        "INSERT INTO categorization_errors (batch_id, item, code, message)"
        " SELECT %s, to_jsonb(i), 'unknown_product', 'no' FROM unnest(%s::int[]) AS i",
        (batch_id, list(items)),
    )
    conn.execute(
        "UPDATE categorization_batches SET error_products = error_products + %(n)s,"
        " processed_products = processed_products + %(n)s, total_products = 5000, status = 'processing'"
        " WHERE id = %(id)s",
        {"n": len(items), "id": batch_id},
    )


def end(conn: psycopg.Connection, batch_id: int, status: str = "completed") -> None:
    conn.execute("UPDATE categorization_batches SET status = %s WHERE id = %s", (status, batch_id))


def look(follower: Follower, db: psycopg.Connection) -> list[Event]:
    return list(follower.look(db))


def items(events: list[Event]) -> list[int]:
    return [int(event.item) for event in events if isinstance(event, Failed)]


def test_each_thing_is_told_once(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    follower = Follower(KIND, batch_id)
    assert look(follower, db) == [Progress("pending", 0, 0, 0, 0, None)]
    assert look(follower, db) == []
    fail_items(db, batch_id, 5, 6)
    assert [type(event) for event in look(follower, db)] == [Progress, Failed, Failed]
    assert look(follower, db) == []
    fail_items(db, batch_id, 7)
    end(db, batch_id)
    told = look(follower, db)
    assert items(told) == [7]
    assert isinstance(told[-1], Ended)
    assert told[-1].is_completed


def test_of_many_errors_none_is_lost_however_many_come_at_once(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    fail_items(db, batch_id, *range(1_234))
    end(db, batch_id)
    assert items(look(Follower(KIND, batch_id), db)) == list(range(1_234))


def test_what_is_committed_late_is_told_late(database: Database, db: psycopg.Connection) -> None:
    """Its numbers are lower than those that were told already."""
    batch_id = batch(db, [1])
    follower = Follower(KIND, batch_id)
    with database.connect() as slow:
        slow.execute("BEGIN")
        slow.execute(
            "INSERT INTO categorization_errors (batch_id, item, code, message) VALUES (%s, '1', 'x', 'x')", (batch_id,)
        )
        fail_items(db, batch_id, 2)
        assert items(look(follower, db)) == [2]
        slow.execute("UPDATE categorization_batches SET error_products = error_products + 1 WHERE id = %s", (batch_id,))
        slow.execute("COMMIT")
    assert items(look(follower, db)) == [1]
    assert items(look(follower, db)) == []


def test_a_count_that_is_wrong_is_not_looked_for_for_ever(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    fail_items(db, batch_id, 1, 2)
    db.execute("DELETE FROM categorization_errors WHERE item = '1'")
    end(db, batch_id)
    assert items(look(Follower(KIND, batch_id), db)) == [2]


def test_a_batch_that_is_deleted_is_gone(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    follower = Follower(KIND, batch_id)
    look(follower, db)
    db.execute("DELETE FROM categorization_batches")
    assert look(follower, db) == [Gone()]
    assert look(Follower(KIND, 2**70), db) == [Gone()]


def test_a_set_back_batch_tells_its_errors_anew(db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    fail_items(db, batch_id, 1)
    follower = Follower(KIND, batch_id)
    assert items(look(follower, db)) == [1]
    end(db, batch_id, "cancelled")
    db.execute("DELETE FROM categorization_errors")
    db.execute("UPDATE categorization_batches SET status = 'pending', error_products = 0, retry_count = 1")
    told = look(follower, db)
    assert [event.action for event in told if isinstance(event, Entry)] == ["cancelled", "retried"]
    fail_items(db, batch_id, 1)
    assert items(look(follower, db)) == [1]


class Lines:
    """What was told; each step is taken after the trouble or event that it waits for."""

    def __init__(self, steps: dict[str, list[object]]) -> None:
        self.told: list[str] = []
        self._steps = steps

    def tell(self, event: Event) -> None:
        self._take(type(event).__name__)

    def trouble(self, sentence: str) -> None:
        self._take(sentence)

    def _take(self, words: str) -> None:
        self.told.append(words)
        for beginning, steps in self._steps.items():
            if words.startswith(beginning) and steps:
                step = steps.pop(0)
                assert callable(step)
                step()


@pytest.fixture(autouse=True)
def is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY_S", 0.01)


@pytest.fixture
def lifeline(database: Database) -> Iterator[Lifeline]:
    line = Lifeline(lambda: database.session.connect("tail"))
    yield line
    line.close()


def test_it_outlives_a_lost_connection(db: psycopg.Connection, lifeline: Lifeline) -> None:
    batch_id = batch(db, [1])

    def cut() -> None:
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE '% tail'"
        )

    lines = Lines({"Progress": [cut], "the database is back": [lambda: end(db, batch_id)]})
    assert follow(Follower(KIND, batch_id), lifeline, lines, explain, Clock())
    assert lines.told[0] == "Progress"
    assert lines.told[1].endswith("; trying again")
    assert lines.told[2:] == ["the database is back", "Ended"]


def test_a_right_that_is_missing_is_no_database_that_is_away(database: Database, db: psycopg.Connection) -> None:
    give_rights(database)
    batch_id = batch(db, [1])
    role = make_conninfo(database.dsn, user=RUNTIME)
    lifeline = Lifeline(lambda: psycopg.connect(role, autocommit=True))
    lines = Lines({"Progress": [lambda: db.execute("REVOKE SELECT ON categorization_batches FROM catalogd_runtime")]})
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            follow(Follower(KIND, batch_id), lifeline, lines, explain, Clock())
    finally:
        lifeline.close()
    assert lines.told == ["the audit log is not shown to this role: catalogd_operator may read it", "Progress"]


def test_where_nobody_is_at_work_it_says_so_once(
    db: psycopg.Connection, lifeline: Lifeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE_S", 0.02)
    batch_id = batch(db, [1])
    looks: list[int] = []

    class Counted(Follower):
        def look(self, conn: psycopg.Connection) -> Iterator[Event]:
            looks.append(1)
            if len(looks) == 20:
                end(db, batch_id, "failed")
            return super().look(conn)

    lines = Lines({})
    assert not follow(Counted(KIND, batch_id), lifeline, lines, explain, Clock())
    assert lines.told == ["Progress", "no instance is at work: systemctl start catalogd, or catalogd run", "Ended"]


def test_a_real_batch_from_its_order_to_its_end(db: psycopg.Connection, catalogd: Catalogd) -> None:
    batch_id = batch(db, [404, "x"])
    with catalogd.popen("tail", str(batch_id), "--json") as follower:
        assert follower.stdout is not None
        told = [json.loads(follower.stdout.readline())]
        assert catalogd("run", "--once").returncode == 0
        told += map(json.loads, follower.stdout)
        assert follower.wait(10) == 0
    assert all((event["kind"], event["batch_id"]) == ("categorization", batch_id) for event in told)
    names = [event["event"] for event in told]
    assert names[0] == "progress"
    assert names[-1] == "ended"
    assert [event["action"] for event in told if event["event"] == "audit"] == ["planned", "completed"]
    assert sorted(event["code"] for event in told if event["event"] == "error") == ["not_an_id", "unknown_product"]
    assert (told[-1]["status"], told[-1]["processed"], told[-1]["errors"]) == ("completed", 2, 2)


def test_lines_for_people_are_few_and_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    ticker = Ticker(KIND, 7)
    for processed in range(1_000):
        ticker.tell(Progress("processing", 1_000_000, processed, processed, 0, 1.0))
    ticker.tell(Failed(1, "a\x1b[2J", "code\n", "\u202e", None))
    ticker.tell(Entry(1, "can\rcelled", "user", {"role": "\x1b[31m"}, "2026-01-02T03:04:05+00:00"))
    ticker.tell(Ended("failed", 5, 0, 0, 0, 2.0, "Why\x07."))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    assert lines[0].endswith("processing    0%  0 of 1,000,000")
    assert lines[2][:10] in ("2026-01-02", "2026-01-01")
    assert lines[3].endswith("batch 7 is failed: Why , 0 items done of 5, in 2.0 s")


def test_errors_come_before_the_end_and_time_does_not_go_back(command: Command, db: psycopg.Connection) -> None:
    batch_id = batch(db, [1])
    fail_items(db, batch_id, 5)
    db.execute("UPDATE categorization_errors SET created_at = '2026-01-02 03:04:05Z'")
    db.execute("UPDATE categorization_batches SET total_products = 1")
    end(db, batch_id)
    db.execute(
        "INSERT INTO audit_log (entity_type, entity_id, action, actor_type, metadata, created_at) VALUES"
        " ('categorization_batch', %(id)s, 'planned', 'daemon',"
        """ '{"items": 1, "instance": "web1:4711:x:0.2", "from": "pending"}', '2026-01-02 03:04:04Z'),"""
        " ('categorization_batch', %(id)s, 'completed', 'daemon', NULL, '2026-01-02 03:04:03Z')",
        {"id": batch_id},
    )
    _, out, _ = command("tail", str(batch_id))
    lines = [line.split("  ", 1) for line in out.splitlines()]
    assert [words for _, words in lines] == [
        "planned by daemon: 1 item, instance web1, pid 4711",
        "error  5  unknown_product  no",
        "completed by daemon",
        f"batch {batch_id} is completed: 1 item done of 1, 1 in error",
    ]
    assert [time[-2:] for time, _ in lines[:3]] == ["04", "05", "05"]


def test_what_a_set_back_batch_had_done_before_is_no_pace(capsys: pytest.CaptureFixture[str]) -> None:
    ticker = Ticker(KIND, 7)
    ticker.tell(Progress("pending", 1_000, 500, 500, 0, 60.0, True))
    ticker.tell(Progress("processing", 1_000, 900, 900, 0, 0.1, True))
    assert "per second" not in capsys.readouterr().out


def test_the_command_says_by_its_exit_status_how_it_ended(command: Command, db: psycopg.Connection) -> None:
    done = batch(db, [1], status="completed", total_products=1, processed_products=1, success_products=1)
    failed = batch(db, [1], status="failed", error_message="None is an id.")
    cancelled = batch(db, [1], status="cancelled")
    assert [command("tail", str(each))[0] for each in (done, failed, cancelled)] == [0, 1, 1]
    code, out, err = command("tail", str(failed))
    assert re.fullmatch(rf"\d\d:\d\d:\d\d  batch {failed} is failed: None is an id, 0 items done of 0\n", out)
    code, out, err = command("tail", "4711")
    assert (code, out, err) == (2, "", "catalogd: there is no batch 4711; those there are: catalogd status\n")
    import_id = order(db, supplier(db), "a.csv", status="failed", error_message="Why.")
    while import_id <= cancelled:
        import_id = order(db, supplier(db, f"s{import_id}"), "a.csv", status="failed", error_message="Why.")
    assert command("tail", str(import_id), "--of", PRICE_LISTS.name)[0] == 1
    assert f"catalogd tail {import_id} --of price-lists" in command("tail", str(import_id))[2]
