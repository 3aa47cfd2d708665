"""What `catalogd status` shows of a real daemon at work, to whom, and on a screen of which size."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.text import Text

from daemon import __version__
from daemon.batches.attendance import Attendance
from daemon.batches.batch import Batch, Listed
from daemon.batches.fleet import Hold
from daemon.engine.queue import Queue
from daemon.terminal.board import choose, draw_picture, print_picture
from daemon.terminal.console import open_console
from daemon.terminal.fleet import HIDDEN
from daemon.terminal.picture import Picture, read_picture
from daemon.workloads.categorization.kind import KIND, TABLE
from daemon.workloads.kind import Sight
from daemon.workloads.price_lists.kind import KIND as PRICE_LISTS
from tests.commands.conftest import Command
from tests.support.database import Database
from tests.support.factories import batch, shop
from tests.support.pgbouncer import PGBOUNCER, Pooler
from tests.support.price_lists import order, supplier
from tests.support.process import Catalogd
from tests.support.roles import OPERATOR, give_rights

pytestmark = pytest.mark.one_server

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def listed(number: int, status: str = "processing", **more: object) -> Listed:
    fields: dict[str, object] = {
        "total": 1_000,
        "processed": 250,
        "success": 250,
        "errors": 0,
        "retry_count": 0,
        "created_by": None,
        "created_s_ago": 37.0,
        "completed_s_ago": None,
        "created_at": NOW,
        "started_at": None if status == "pending" else NOW,
        "completed_at": NOW if status in ("completed", "failed", "cancelled") else None,
        "error_message": None,
        "wait_s": 12.0,
        "run_s": None if status == "pending" else 25.0,
    }
    return Listed(KIND, Batch(id=number, status=status, **fields | more), Sight())  # type: ignore[arg-type]


def picture(*batches: Listed) -> Picture:
    return Picture(listed=batches, open={}, instances=[], holds=[], duties=[])


def drawn(shown: Picture, width: int, height: int) -> list[str]:
    console = Console(file=StringIO(), width=width, highlight=False)
    console.print(draw_picture(shown, [Text("head")], width, height, of_one=False))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_a_running_batch_tells_what_is_left_and_a_waiting_one_for_how_long() -> None:
    lines = drawn(picture(listed(1), listed(2, "pending"), listed(3, "completed", processed=1_000)), 140, 30)
    assert lines[2].split()[-5:] == ["25", "s", "10", "75", "s"]
    assert lines[3].endswith("waits 12 s")
    assert lines[4].split()[:2] == ["3", "completed"]
    assert "left" in lines[1]
    assert "left" not in drawn(picture(listed(3, "completed")), 140, 30)[1]


def test_the_last_seconds_go_before_the_average() -> None:
    running = listed(1)
    shown = picture(running)
    assert (shown.rate(running), shown.left_s(running)) == (10, 75)
    shown = shown.with_rates({running.key: 250.0})
    assert (shown.rate(running), shown.left_s(running)) == (250, 3)
    shown = shown.with_rates({running.key: 0.0})
    assert (shown.left_s(running), shown.stands_still(running)) == (None, True)
    assert drawn(shown, 140, 30)[2].endswith("stands still")
    waiting = listed(2, "pending")
    assert picture(waiting).with_rates({waiting.key: 0.0}).stands_still(waiting) is False


@pytest.mark.parametrize("width", [20, 40, 80, 140])
@pytest.mark.parametrize("height", [6, 24])
def test_a_screen_of_any_size_is_not_overrun(width: int, height: int) -> None:
    batches = [listed(number, "pending") for number in range(1, 60)]
    batches[40] = replace(batches[40], batch=replace(batches[40].batch, error_message="why " * 90))
    lines = drawn(picture(*batches), width, height)
    assert all(len(line.rstrip()) <= width for line in lines)
    if height == 24:
        assert len(lines) <= height
        assert any("more" in line for line in lines)


def test_what_runs_is_shown_first_then_what_waits_then_what_ended_last() -> None:
    batches = [listed(1, "completed"), *(listed(n, "pending") for n in (2, 3)), listed(4), listed(5, "completed")]
    assert [each.batch.id for each in choose(batches, 9)] == [1, 2, 3, 4, 5]
    assert [each.batch.id for each in choose(batches, 4)] == [2, 3, 4]
    assert [each.batch.id for each in choose(batches, 2)] == [4]


def test_a_pipe_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    long = replace(listed(1), sight=Sight(cells={"supplier": "S" * 250}))
    print_picture(open_console(), picture(long), of_one=False)
    assert "S" * 250 in capsys.readouterr().out


def test_a_real_daemon_is_seen_by_a_role_that_only_looks(database: Database, catalogd: Catalogd) -> None:
    daemon = catalogd.start()
    give_rights(database)
    with psycopg.connect(make_conninfo(database.dsn, user=OPERATOR), autocommit=True) as operator:
        seen = read_picture(operator, [KIND, PRICE_LISTS], None)
    name = daemon.named("daemon.started")[0]["instance"]
    assert seen.instances is not None
    found = [(each.name, each.pid, each.version, each.listens, each.up_s) for each in seen.instances]
    assert found == [(name, daemon.popen.pid, __version__, True, None)]
    assert daemon.stop() == 0


def test_what_an_instance_holds_and_what_it_left_behind(command: Command, db: psycopg.Connection) -> None:
    batch_id = batch(db, shop(db, products=10))
    queue = Queue(KIND.name, TABLE, "a:1:x:9")
    queue.plan(db)
    assert queue.claim(db, "a:1:x:9/categorization-1") is not None
    assert json.loads(command("status", str(batch_id), "--json")[1])["held_by"] == [
        {"instance": "a:1:x:9", "slices": 1, "items": 10}
    ]
    out = command("status")[1]
    assert "open: 1 processing of categorization\n" in out
    assert f"left by a:1:x:9, which is gone: 1 slice (10 items) of batch {batch_id}; the next that starts" in out
    with psycopg.connect(db.info.dsn, application_name="catalogd a:1:x:9"):
        out = command("status", str(batch_id))[1]
    assert re.search(rf"^at work: a, pid 1, .*: 1 slice \(10 items\) of batch {batch_id}$", out, re.MULTILINE)


def test_a_batch_that_nobody_works_on_is_told_of(command: Command, db: psycopg.Connection) -> None:
    shop(db, products=10)
    young, old = batch(db, range(1, 6)), batch(db, range(6, 11))
    queue = Queue(KIND.name, TABLE, "a:1:x:9")
    queue.plan(db)
    db.execute(
        "UPDATE categorization_batches SET created_at = now() - interval '1 h', started_at = now() - interval '1 min'"
        " WHERE id = %s",
        (old,),
    )
    says = f"batch {old}: nobody works on it: the instances at work leave categorization out (CATALOGD_WORKLOADS), or"
    with psycopg.connect(db.info.dsn, application_name="catalogd a:1:x:9 listener"):
        assert says in command("status")[1]
        assert says in command("status", str(old))[1]
        assert json.loads(command("status", str(old), "--json")[1])["is_unattended"] is True
        assert "nobody works" not in command("status", str(young))[1]
        assert queue.claim(db, "a:1:x:9/categorization-1") is not None
        assert "nobody works" not in command("status")[1]


def test_of_a_batch_that_failed_without_items_no_bar_is_full(command: Command, db: psycopg.Connection) -> None:
    batch(db, [], status="failed", completed_at=NOW)
    assert "━" not in command("status")[1]
    batch(db, [], status="completed", completed_at=NOW)
    assert "━" in command("status")[1]


def test_between_two_slices_nobody_holds_one_either() -> None:
    attendance, one = Attendance(), listed(1)
    assert attendance.see([one], [], 0.0) == frozenset()
    assert attendance.see([one], [], 1.0) == {one.key}
    moved = listed(1, processed=251)
    assert attendance.see([moved], [], 2.0) == frozenset()
    assert attendance.see([moved], [], 2.1) == frozenset()
    assert attendance.see([moved], [Hold("a:1:x:9", KIND.name, 7, 1, 10)], 3.0) == frozenset()
    assert attendance.see([moved], [], 4.0) == frozenset()


def test_of_a_batch_that_was_set_back_no_rate_is_better_than_a_wrong_one(
    command: Command, db: psycopg.Connection
) -> None:
    """Its items of before are done at once, and it has waited for whoever set it back."""
    batch_id = batch(
        db,
        [1],
        status="processing",
        retry_count=1,
        total_products=1_000,
        processed_products=900,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    db.execute("UPDATE categorization_batches SET started_at = now() - interval '1 second'")
    told = json.loads(command("status", str(batch_id), "--json")[1])
    assert (told["items_per_s"], told["left_s"], told["wait_s"]) == (None, None, None)
    db.execute("UPDATE categorization_batches SET status = 'pending'")
    assert "waits again" in command("status", str(batch_id))[1]


def test_a_list_that_is_being_prepared_is_held(command: Command, db: psycopg.Connection) -> None:
    import_id = order(db, supplier(db), "a.csv")
    db.execute(
        "INSERT INTO batch_preparations (workload, batch_id, claimed_by, kept_until)"
        " VALUES ('price-lists', %s, 'a:1:x:9/price-lists-preparer-1', now() + interval '1 minute')",
        (import_id,),
    )
    with psycopg.connect(db.info.dsn, application_name="catalogd a:1:x:9 listener"):
        out = command("status", "--of", "price-lists")[1]
    assert f"prepares batch {import_id} of price-lists" in out
    assert "at work: a, pid 1, catalogd 9, connected for " in out


@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
def test_through_a_pooler_it_says_that_nobody_can_be_seen(
    command: Command, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Pooler(database.dsn) as between:
        monkeypatch.setenv("DATABASE_URL", between.dsn)
        assert HIDDEN in command("status")[1]


def test_many_open_batches_are_counted(command: Command, db: psycopg.Connection) -> None:
    db.execute("INSERT INTO categorization_batches (product_ids) SELECT '[1]' FROM generate_series(1, 130)")
    out = command("status", "--of", "categorization")[1]
    assert "open: 130 pending\n" in out
    assert out.count(" pending ") == 110
