"""What imports leave behind goes after a day, unless it is in use; what is set back later is read again."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import time

import psycopg
import pytest

from daemon.engine.workload import DutyFailed, DutyInterrupted, Means
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.preparation import Preparation
from daemon.workloads.price_lists.tidying import duty
from tests.support.database import Database
from tests.support.events import EventTap
from tests.support.price_lists import hold, lines_of, order, read_import, rows, supplier, write_list

pytestmark = pytest.mark.one_server  # every server parses the statements in test_statements.py

HEADER = "sku;name;price"


@pytest.fixture
def means(database: Database) -> Means:
    return Means(database.connect, threading.Event())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def preparation(tmp_path: Path, shelf: Shelf) -> Preparation:
    return Preparation(shelf, Limits(folders=(tmp_path / "lists",)))


def read(db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path, lines: int = 3) -> int:
    """An import that is read."""
    path = write_list(tmp_path / "lists" / "a.csv", HEADER, *(f"{line};Thing {line};{line}" for line in range(lines)))
    import_id = order(db, supplier(db, f"Supplier of {path} {lines}"), path)
    while preparation.step(hold(db, database)) is not None:
        pass
    assert len(lines_of(db, import_id)) == lines
    return import_id


def end(db: psycopg.Connection, import_id: int, status: str = "completed", hours: int = 25) -> None:
    """So long ago."""
    db.execute("DELETE FROM batch_preparations WHERE batch_id = %s", (import_id,))
    db.execute("UPDATE supplier_imports SET status = %s WHERE id = %s", (status, import_id))
    db.execute(
        "UPDATE supplier_imports SET completed_at = now() - make_interval(hours => %s) WHERE id = %s",
        (hours, import_id),
    )


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_lines_and_files_go_after_a_day(
    db: psycopg.Connection,
    database: Database,
    means: Means,
    shelf: Shelf,
    preparation: Preparation,
    tmp_path: Path,
    events: EventTap,
    status: str,
) -> None:
    old = read(db, database, preparation, tmp_path, lines=3)
    end(db, old, status)
    fresh = read(db, database, preparation, tmp_path, lines=2)
    end(db, fresh, hours=23)
    file = shelf.find(read_import(db, old)["file_name"])
    assert file is not None
    for path in (tmp_path / "shelf").glob(f"{file.name}*"):
        os.utime(path, (time() - 90_000, time() - 90_000))
    duty.tidy(means, shelf)
    told = events.wait_for("shelf.tidied")
    assert (told["files"], told["lines"]) == (1, 3)
    assert lines_of(db, old) == []
    assert len(lines_of(db, fresh)) == 2
    assert shelf.find(file.name) is None
    assert shelf.find(read_import(db, fresh)["file_name"]) is not None


def test_an_import_under_way_keeps_its_lines(
    db: psycopg.Connection, database: Database, means: Means, shelf: Shelf, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = read(db, database, preparation, tmp_path)
    db.execute("UPDATE supplier_imports SET created_at = '2020-01-01'")
    duty.tidy(means, shelf)
    assert len(lines_of(db, import_id)) == 3


def test_many_lines_go_in_portions(
    db: psycopg.Connection,
    database: Database,
    means: Means,
    shelf: Shelf,
    preparation: Preparation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of them first; a stop is heeded in between."""
    import_id = read(db, database, preparation, tmp_path, lines=7)
    end(db, import_id)
    monkeypatch.setattr(duty, "PORTION", 3)
    means.stop.set()
    with pytest.raises(DutyInterrupted):
        duty.tidy(means, shelf)
    assert [number for number, _ in lines_of(db, import_id)] == [5, 6, 7, 8]
    means.stop.clear()
    duty.tidy(means, shelf)
    assert lines_of(db, import_id) == []


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_an_import_that_is_set_back_later_is_read_again(
    db: psycopg.Connection,
    database: Database,
    means: Means,
    shelf: Shelf,
    preparation: Preparation,
    tmp_path: Path,
    status: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also when only a part of its lines is gone."""
    import_id = read(db, database, preparation, tmp_path)
    end(db, import_id, status)
    monkeypatch.setattr(duty, "PORTION", 1)
    means.stop.set()
    with pytest.raises(DutyInterrupted):
        duty.tidy(means, shelf)
    db.execute("UPDATE supplier_imports SET status = 'pending', retry_count = 1")
    assert read_import(db, import_id)["phase"] == "matching"
    while preparation.step(hold(db, database)) is not None:
        pass
    assert len(lines_of(db, import_id)) == 3
    assert read_import(db, import_id)["line_numbers"] == [2, 3, 4]


def test_one_that_was_ready_when_it_was_cancelled_is_so_no_longer(
    db: psycopg.Connection, database: Database, means: Means, shelf: Shelf, preparation: Preparation, tmp_path: Path
) -> None:
    """Or it would be cut into lines that are not there."""
    import_id = read(db, database, preparation, tmp_path)
    db.execute("UPDATE batch_preparations SET is_ready = true, claimed_by = NULL, kept_until = NULL")
    db.execute("UPDATE supplier_imports SET status = 'cancelled'")
    db.execute("UPDATE supplier_imports SET completed_at = now() - interval '25 hours'")
    other = read(db, database, preparation, tmp_path, lines=2)
    duty.tidy(means, shelf)
    assert rows(db, "SELECT batch_id FROM batch_preparations") == [(other,)]
    db.execute("UPDATE supplier_imports SET status = 'pending', retry_count = 1 WHERE id = %s", (import_id,))
    while preparation.step(hold(db, database)) is not None:
        pass
    assert len(lines_of(db, import_id)) == 2  # as the list is now


def test_one_that_is_set_back_soon_goes_on(
    db: psycopg.Connection, database: Database, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = read(db, database, preparation, tmp_path)
    end(db, import_id, "failed")
    db.execute("UPDATE supplier_imports SET status = 'pending', retry_count = 1")
    assert preparation.step(hold(db, database)) is None
    assert read_import(db, import_id)["phase"] == "matching"


def test_one_that_is_being_set_back_is_left(
    db: psycopg.Connection, database: Database, means: Means, shelf: Shelf, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = read(db, database, preparation, tmp_path)
    end(db, import_id)
    with database.connect() as php, php.transaction():
        php.execute("UPDATE supplier_imports SET status = 'pending', retry_count = 1")
        duty.tidy(means, shelf)
    assert len(lines_of(db, import_id)) == 3


def test_results_stay(
    db: psycopg.Connection, database: Database, means: Means, shelf: Shelf, preparation: Preparation, tmp_path: Path
) -> None:
    import_id = read(db, database, preparation, tmp_path)
    db.execute(
        "INSERT INTO supplier_import_results (import_id, line, match_status, is_new, is_changed)"
        " VALUES (%s, 2, 'draft', true, true)",
        (import_id,),
    )
    end(db, import_id)
    duty.tidy(means, shelf)
    assert rows(db, "SELECT line FROM supplier_import_results") == [(2,)]


def test_a_folder_that_cannot_be_read_is_told(means: Means, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DutyFailed, match="cannot be tidied up"):
        duty.tidy(means, Shelf(tmp_path / "file" / "shelf"))
