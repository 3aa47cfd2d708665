"""The sync brings suppliers in line with their sheet and orders their imports; nothing doubles, and no accident in the
sheet takes suppliers away."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.engine.workload import Duty, DutyFailed, DutyInterrupted, Means
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.suppliers.sync import Synced, sync, sync_duty
from daemon.workloads.price_lists.tidying.duty import tidy
from tests.support.database import Database
from tests.support.engine import Engine, ms
from tests.support.events import EventTap
from tests.support.price_lists import order, rows, supplier
from tests.support.roles import runtime_dsn
from tests.support.waiting import interleave
from tests.workloads.price_lists.fetching.supplier import Supplier, Visit, answer

pytestmark = pytest.mark.one_server  # every server parses the statements in test_statements.py

URL = "https://acme.example/list.csv"


@dataclass
class Master:
    """The sheet, and the sync of it."""

    database: Database
    folder: Path
    place: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.path = self.folder / "suppliers.csv"
        self.place = str(self.path)
        self.shelf = Shelf(self.folder / "shelf")

    def write(self, *lines: str, header: str = "name,url,is active,currency") -> None:
        self.path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")

    def names(self, *names: str) -> None:
        """A sheet of these suppliers."""
        self.write(*(f"{name},https://{name.lower()}.example/list.csv" for name in names))

    def sync(self, **options: Any) -> Synced:
        return sync(Means(self.database.connect, self.stop), self.place, self.shelf, Limits(), **options)


@pytest.fixture
def master(database: Database, tmp_path: Path) -> Master:
    return Master(database, tmp_path)


def suppliers(db: psycopg.Connection) -> list[tuple[Any, ...]]:
    return rows(db, "SELECT name, is_active FROM suppliers ORDER BY name")


def imports(db: psycopg.Connection) -> list[str]:
    """The suppliers of all imports."""
    query = (
        "SELECT supplier.name FROM supplier_imports AS import"
        " JOIN suppliers AS supplier ON supplier.id = import.supplier_id ORDER BY import.id"
    )
    return [row[0] for row in rows(db, query)]


def end_imports(db: psycopg.Connection) -> None:
    """As if an hour had passed."""
    db.execute("UPDATE supplier_imports SET status = 'completed', created_at = created_at - interval '1 hour'")


def counted(synced: Synced) -> tuple[int, int, int, Sequence[str], int]:
    return synced.suppliers, synced.new, synced.changed, synced.set_inactive, synced.imports


def test_suppliers_come_change_and_go(db: psycopg.Connection, master: Master) -> None:
    master.write(f"Acme,{URL},yes,EUR", f"Best,{URL}?2,,", f"Idle,{URL},no,")
    assert counted(master.sync()) == (3, 3, 0, [], 2)
    assert suppliers(db) == [("Acme", True), ("Best", True), ("Idle", False)]
    assert rows(db, "SELECT source_type, source_url, meta FROM suppliers WHERE name = 'Acme'") == [
        ("csv", URL, {"currency": "EUR", "sheet_columns": ["currency"], "from_sheet": True})
    ]
    assert imports(db) == ["Acme", "Best"]
    assert rows(db, "SELECT DISTINCT source_type, status FROM supplier_imports") == [("csv", "pending")]

    assert counted(master.sync()) == (3, 0, 0, [], 0)
    end_imports(db)
    before = rows(db, "SELECT updated_at FROM suppliers WHERE name = 'Best'")
    master.write(f"ACME,{URL}?new,yes,", f"Idle,{URL},no,")
    assert counted(master.sync()) == (2, 0, 1, ["Best"], 1)
    assert suppliers(db) == [("Acme", True), ("Best", False), ("Idle", False)]
    assert rows(db, "SELECT source_url, meta ->> 'currency' FROM suppliers WHERE name = 'Acme'") == [
        (f"{URL}?new", None)
    ]
    assert rows(db, "SELECT updated_at FROM suppliers WHERE name = 'Best'") > before
    assert imports(db) == ["Acme", "Best", "Acme"]


def test_the_role_of_the_daemon_is_enough(db: psycopg.Connection, database: Database, master: Master) -> None:
    dsn = runtime_dsn(database)
    for names in (["Acme", "Best"], ["Acme", "Cool"]):
        master.names(*names)
        means = Means(lambda: psycopg.connect(dsn, autocommit=True), master.stop)
        sync(means, master.place, master.shelf, Limits())
        tidy(means, master.shelf)
        end_imports(db)
    assert suppliers(db) == [("Acme", True), ("Best", False), ("Cool", True)]


def test_what_php_made_stays(db: psycopg.Connection, master: Master) -> None:
    """It is brought in line while the sheet has it, and is not set inactive when it goes."""
    supplier(db, "Own", meta={"force": True, "currency": "USD"}, source_url="https://own.example/")
    supplier(db, "Odd", meta={"sheet_columns": "x"})
    db.execute("UPDATE suppliers SET meta = '[]' WHERE name = 'Odd'")
    master.write(f"Own,{URL},,EUR", f"Odd,{URL},,", f"Acme,{URL},,")
    assert counted(master.sync()) == (3, 1, 2, [], 3)
    ((meta,),) = rows(db, "SELECT meta FROM suppliers WHERE name = 'Own'")
    assert meta == {"force": True, "currency": "EUR", "sheet_columns": ["currency"]}
    master.write(f"Acme,{URL},,")
    assert master.sync().set_inactive == []


def test_active_suppliers_that_php_made_are_imported_too(db: psycopg.Connection, master: Master) -> None:
    supplier(db, "Own", source_url="https://own.example/")
    supplier(db, "Nowhere")
    supplier(db, "Blank", source_url=" ")
    supplier(db, "Past", source_url="https://past.example/", is_active=False)
    master.names("Acme")
    master.sync()
    assert sorted(imports(db)) == ["Acme", "Own"]


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_an_open_import_is_enough(db: psycopg.Connection, master: Master, status: str) -> None:
    import_id = order(db, supplier(db), URL)
    db.execute("UPDATE supplier_imports SET status = %s, created_at = '2020-01-01' WHERE id = %s", (status, import_id))
    master.names("Acme")
    assert master.sync().imports == 0


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_one_that_ended_is_not(db: psycopg.Connection, master: Master, status: str) -> None:
    import_id = order(db, supplier(db), URL)
    db.execute("UPDATE supplier_imports SET status = %s, created_at = '2020-01-01' WHERE id = %s", (status, import_id))
    master.names("Acme")
    assert master.sync().imports == 1


@pytest.mark.parametrize("kept", [1, 0])
def test_a_sheet_that_lost_most_of_its_rows_changes_nothing(db: psycopg.Connection, master: Master, kept: int) -> None:
    names = ["Acme", "Best", "Cool", "Done"]
    master.names(*names)
    master.sync()
    end_imports(db)
    master.names(*names[:kept])
    with pytest.raises(DutyFailed, match="nothing was changed"):
        master.sync()
    assert suppliers(db) == [(name, True) for name in names]
    assert len(imports(db)) == 4
    if kept:
        assert master.sync(is_forced=True).set_inactive == names[1:]
    master.names(*names[2:])
    if not kept:
        assert master.sync().set_inactive == names[:2]  # a half


@pytest.mark.parametrize("lines", [[], ["Acme,ftp://acme.example,,"]])
def test_a_sheet_without_suppliers_is_an_accident(db: psycopg.Connection, master: Master, lines: list[str]) -> None:
    """However few there were, and though somebody forces it."""
    master.names("Acme", "Best")
    master.sync()
    master.write(*lines)
    with pytest.raises(DutyFailed, match="names no supplier that can be used"):
        master.sync(is_forced=True)
    assert suppliers(db) == [("Acme", True), ("Best", True)]


def test_bad_rows_are_told_and_are_not_gone(
    db: psycopg.Connection, master: Master, events: EventTap, database: Database
) -> None:
    master.names("Acme", "Best", "Cool")
    master.sync()
    master.write(f"Acme,{URL},,", "Best,ftp://best.example,,")
    duty = sync_duty(master.place, timedelta(hours=8), master.shelf, Limits())
    duty.act(Means(database.connect, master.stop))
    told = events.wait_for("supplier.refused")
    assert (told["line"], told["supplier"]) == (3, "Best")
    assert (events.wait_for("suppliers.synced")["set_inactive"], events.all("suppliers.synced")[0]["bad_rows"]) == (
        1,
        1,
    )
    assert suppliers(db) == [("Acme", True), ("Best", True), ("Cool", False)]


def test_a_row_that_may_be_anybodys_takes_nobody_away(db: psycopg.Connection, master: Master) -> None:
    master.names("Acme", "Best")
    master.sync()
    master.write(f"Acme,{URL},,", f'"Best,{URL},,')
    assert master.sync().set_inactive == []


@pytest.mark.parametrize(
    ("place", "says_that"),
    [
        ("/nowhere/suppliers.csv", "no folder /nowhere"),
        ("/etc/nothing.csv", "no file"),
        ("https://docs.google.com/spreadsheets/", "not the address of a Google sheet"),
        ("http://127.0.0.1:1/suppliers.csv", "cannot be reached"),
        ("ftp://sheets.example/suppliers.csv", "http and https only"),
    ],
)
def test_a_sheet_that_cannot_be_fetched(db: psycopg.Connection, master: Master, place: str, says_that: str) -> None:
    master.place = place
    supplier(db, "Own", source_url=URL)
    with pytest.raises(DutyFailed, match=says_that):
        master.sync()
    assert imports(db) == []


def test_a_sheet_that_cannot_be_read(db: psycopg.Connection, master: Master) -> None:
    master.write("1,Hammer", header="sku,title")
    with pytest.raises(DutyFailed, match="No row names the columns"):
        master.sync()


def test_the_operators_own_host_may_be_private(db: psycopg.Connection, master: Master) -> None:
    """It was named by the operator, unlike what stands in the sheet."""
    with Supplier(answer(f"name,url\nAcme,{URL}\n".encode())) as server:
        master.place = server.url("/suppliers.csv")
        assert master.sync().new == 1


def test_the_stop_does_not_wait_for_the_sheet(master: Master) -> None:
    def stall(visit: Visit) -> None:
        master.stop.set()
        visit.stall()

    with Supplier(stall) as server:
        master.place = server.url("/suppliers.csv")
        with pytest.raises(DutyInterrupted):
            master.sync()


def test_two_syncs_beside_each_other_order_once(db: psycopg.Connection, database: Database, master: Master) -> None:
    """The first waits to commit what it ordered; the second read its sheet meanwhile, and waits for the first."""
    master.names("Acme", "Best")
    master.sync()
    end_imports(db)
    with database.connect() as first:

        def order_as_the_first() -> None:
            first.execute("SELECT pg_advisory_xact_lock(hashtext('catalogd suppliers'))")
            first.execute(
                "INSERT INTO supplier_imports (supplier_id, source_type, source_url)"
                " SELECT id, source_type, source_url FROM suppliers"
            )

        second = interleave(db, first, order_as_the_first, master.sync)
    assert second.imports == 0
    assert len(imports(db)) == 4


def test_imports_that_end_at_once_are_not_ordered_twice(
    db: psycopg.Connection, database: Database, master: Master
) -> None:
    """While the one reads the sheet, the other orders an import, which has ended when the one is done."""
    master.names("Acme")

    def beside(visit: Visit) -> None:
        other = Master(database, master.folder)
        assert other.sync().imports == 1
        db.execute("UPDATE supplier_imports SET status = 'completed'")
        answer(master.path.read_bytes())(visit)

    with Supplier(beside) as server:
        master.place = server.url("/suppliers.csv")
        assert master.sync().imports == 0


def test_one_instance_of_the_fleet_syncs(
    db: psycopg.Connection, database: Database, master: Master, events: EventTap
) -> None:
    """Two that start together, and one that starts later: the due time is in the database."""
    master.names("Acme")
    duty = sync_duty(master.place, timedelta(hours=8), master.shelf, Limits())
    with Engine(database.session, name="a", duties=[duty]), Engine(database.session, name="b", duties=[duty]):
        events.wait_for("suppliers.synced")
    probe = Duty("probe", timedelta(hours=8), lambda _: None)  # due later than the sync, if that is due
    with Engine(database.session, name="c", duties=[duty, probe]):
        events.wait_for("duty.done", duty="probe")
    assert len(events.all("suppliers.synced")) == 1
    due_in = rows(db, "SELECT due_at - now() FROM catalogd_duties WHERE name = 'price-lists.sync'")[0][0]
    assert timedelta(hours=7, minutes=55) < due_in < timedelta(hours=8) + ms(1)
