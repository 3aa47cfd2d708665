"""`catalogd import-prices`: what it orders, what it refuses, and what it says when nobody does it."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.batches import fleet
from daemon.batches.fleet import is_anyone_at_work
from daemon.database.pool import BoundedConnection
from daemon.terminal import imports
from daemon.workloads.price_lists.incoming import KEPT_S, lay_in
from daemon.workloads.price_lists.ordering import guess_source_type
from tests.support.database import Database
from tests.support.price_lists import read_import, rows, supplier

pytestmark = pytest.mark.one_server  # its subject is the command

Command = Callable[..., tuple[int, str, str]]
LIST = "sku;name;price\nA1;Bolt;1,50\n"


@pytest.fixture
def bolts(tmp_path: Path) -> Path:
    file = tmp_path / "Bolts & nuts, June.CSV"
    file.write_text(LIST)
    return file


@pytest.fixture
def is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "PATIENCE_S", 0.0)


def ordered(db: psycopg.Connection) -> list[dict[str, Any]]:
    return [read_import(db, import_id) for (import_id,) in rows(db, "SELECT id FROM supplier_imports ORDER BY id")]


def test_a_file_is_laid_in_and_ordered_as_php_does(
    command: Command, db: psycopg.Connection, bolts: Path, tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        code, out, err = command(
            *("import-prices", str(bolts), "--supplier", "Bolt & Co", "--currency", "EUR", "--no-wait"),
            *("--mapping", '{"name": "Item", "price": 4}', "--option", "header_row=3", "--option", "encoding=cp1252"),
            *("--option", "file_type=NaN"),  # no JSON for Postgres
        )
    finally:
        os.umask(before)
    assert (code, err) == (0, "")
    (found,) = ordered(db)
    assert out == f"import {found['id']} is ordered; see: catalogd status {found['id']} --of price-lists\n"
    assert (found["status"], found["phase"], found["source_type"]) == ("pending", "downloading", "csv")
    assert found["column_mapping"] == {"name": "Item", "price": 4}
    assert found["options"] == {"header_row": 3, "encoding": "cp1252", "file_type": "NaN", "currency": "EUR"}
    assert rows(db, "SELECT id, name FROM suppliers") == [(found["supplier_id"], "Bolt & Co")]
    laid = Path(found["source_url"])
    assert laid.parent == tmp_path / "shelf" / "incoming"
    assert laid.name.startswith("Bolts-nuts-June-")
    assert laid.suffix == ".csv"
    assert laid.read_text() == LIST
    assert stat.S_IMODE(laid.stat().st_mode) == 0o644
    assert stat.S_IMODE(laid.parent.stat().st_mode) == stat.S_IMODE(laid.parent.parent.stat().st_mode) == 0o750


def test_the_same_list_again_lies_in_the_same_place(command: Command, db: psycopg.Connection, bolts: Path) -> None:
    for _ in range(2):
        assert command("import-prices", str(bolts), "--supplier", "Bolt & Co", "--no-wait")[0] == 0
    bolts.write_text(LIST + "A2;Nut;0,50\n")
    told = json.loads(command("import-prices", str(bolts), "--supplier", "Bolt & Co", "--no-wait", "--json")[1])
    one, same, other = ordered(db)
    assert told == {"id": other["id"], "status": "pending"}
    assert one["source_url"] == same["source_url"] != other["source_url"]
    assert one["options"] is one["column_mapping"] is None
    assert one["supplier_id"] == same["supplier_id"] == other["supplier_id"]
    assert len(list(Path(one["source_url"]).parent.iterdir())) == 2


def test_lists_of_long_ago_are_removed_and_nothing_else(tmp_path: Path, bolts: Path) -> None:
    folder = tmp_path / "incoming"
    old = lay_in(folder, bolts)
    php = folder / "php.csv"
    php.write_text("")
    for file in (old, php):
        os.utime(file, (1, old.stat().st_mtime - KEPT_S - 60))
    bolts.write_text("other")
    new = lay_in(folder, bolts)
    assert sorted(folder.iterdir()) == sorted([php, new])


def test_a_list_that_cannot_be_laid_in_leaves_nothing(tmp_path: Path, bolts: Path) -> None:
    folder = tmp_path / "incoming"
    place = lay_in(folder, bolts)
    place.unlink()
    (place / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        lay_in(folder, bolts)
    assert list(folder.iterdir()) == [place]


@pytest.mark.parametrize(
    ("place", "source_type"),
    [
        ("bolts.csv", "csv"),
        ("bolts", "csv"),
        ("Bolts.XLSX", "excel"),
        ("/lists/bolts.xls", "excel"),
        ("bolts.pdf", "pdf"),
        ("https://example.org/lists/bolts.xlsx?v=2#top", "excel"),
        ("HTTPS://example.org/export?format=xlsx", "csv"),
        ("https://docs.google.com/spreadsheets/d/abc/edit#gid=0", "google_sheets"),
        ("https://docs.google.com.example.org/spreadsheets/d/abc", "csv"),
    ],
)
def test_the_source_type_is_told_by_the_name(place: str, source_type: str) -> None:
    assert guess_source_type(place) == source_type


def test_an_address_is_given_as_it_is(command: Command, db: psycopg.Connection, tmp_path: Path) -> None:
    address = "https://example.org/lists/bolts.xlsx?key=s%20ecret"
    assert command("import-prices", address, "--supplier", "Acme", "--no-wait")[0] == 0
    (found,) = ordered(db)
    assert (found["source_url"], found["source_type"]) == (address, "excel")
    assert not (tmp_path / "shelf").exists()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["missing.csv", "--supplier", "A"], "missing.csv is no file; an address on the web begins with https://"),
        ([".", "--supplier", "A"], ". is no file"),
        (["ftp://example.org/a.csv", "--supplier", "A"], "ftp://example.org/a.csv is no file"),
        (["big.csv", "--supplier", "A"], "big.csv is larger than the 1 MB that CATALOGD_PRICE_LIST_MEGABYTES allows"),
        (["a.csv", "--supplier", "A", "--mapping", "name"], "--mapping: a JSON object is wanted"),
        (["a.csv", "--supplier", "A", "--mapping", "[1]"], "--mapping: a JSON object is wanted"),
        (["a.csv", "--supplier", "A", "--mapping", '{"nome": "x"}'], "mapping nome: there is no such field"),
        (["a.csv", "--supplier", "A", "--option", "header_row"], "--option: 'header_row' is not KEY=VALUE"),
        (["a.csv", "--supplier", "A", "--option", "header_row=0"], "option header_row: "),
        (["a.csv", "--supplier", "A", "--option", "header_row=NaN"], "option header_row: "),
        (
            ["a.csv", "--supplier", "A", "--option", "delimeter=;"],
            "--option: there is no option 'delimeter'; there are ",
        ),
        (["a.csv", "--supplier", "A", "--currency", "Euro"], "option currency: 'Euro' is no currency; example: EUR\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_would_be_refused_later_is_refused_at_once(
    command: Command, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.setenv("CATALOGD_PRICE_LIST_MEGABYTES", "1")
    Path("a.csv").write_text(LIST)
    with Path("big.csv").open("wb") as file:
        file.truncate(1_000_001)
    code, out, err = command("import-prices", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"catalogd: {problem}")
    assert err.count("\n") == 1
    assert rows(db, "SELECT FROM suppliers") == []


@pytest.mark.parametrize("arguments", [[], ["a.csv"], ["a.csv", "--supplier", " "], ["a.csv", "--supplier", "\udcff"]])
def test_wrong_usage(command: Command, arguments: list[str]) -> None:
    code, out, err = command("import-prices", *arguments)
    assert (code, out) == (2, "")
    assert "usage: catalogd import-prices" in err


def test_a_folder_that_cannot_be_written_is_told(
    command: Command, db: psycopg.Connection, bolts: Path, tmp_path: Path
) -> None:
    (tmp_path / "shelf").write_text("a file, not a folder")
    code, out, err = command("import-prices", str(bolts), "--supplier", "Acme")
    assert (code, out) == (1, "")
    assert err.startswith("catalogd: the list cannot be laid into ")
    assert "CATALOGD_PRICE_LIST_FOLDER" in err
    assert ordered(db) == []


@pytest.mark.usefixtures("is_at_once")
def test_where_no_instance_is_at_work_it_says_so_and_does_not_wait(
    command: Command, db: psycopg.Connection, bolts: Path, database: Database
) -> None:
    with psycopg.connect(database.dsn, application_name="catalogd host:1:a watch"):
        code, out, err = command("import-prices", str(bolts), "--supplier", "Acme")
    (found,) = ordered(db)
    assert (code, out) == (1, f"import {found['id']}: fetching\n")
    assert err == f"catalogd: no instance is at work; import {found['id']} waits: catalogd run\n"
    assert found["status"] == "pending"


@pytest.mark.usefixtures("is_at_once")
def test_an_instance_is_seen_by_who_may_see_little(
    command: Command, db: psycopg.Connection, bolts: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is at work it waits: here until the import is cancelled, by the clock of what it has seen."""

    looks: list[bool] = []
    seen = fleet.is_anyone_at_work

    def look(conn: psycopg.Connection) -> bool:
        looks.append(seen(conn))
        db.execute("UPDATE supplier_imports SET status = 'cancelled'")
        return looks[-1]

    monkeypatch.setattr(imports, "is_anyone_at_work", look)
    db.execute("CREATE ROLE onlooker LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker")
    db.execute("GRANT INSERT ON suppliers, supplier_imports TO onlooker")
    monkeypatch.setenv("DATABASE_URL", psycopg.conninfo.make_conninfo(database.dsn, user="onlooker"))
    try:
        with psycopg.connect(database.dsn, application_name="catalogd host:1:a listener"):
            code, _, err = command("import-prices", str(bolts), "--supplier", "Acme")
    finally:
        db.execute("DROP OWNED BY onlooker; DROP ROLE onlooker")
    assert looks == [True]
    assert (code, err) == (1, f"catalogd: import {ordered(db)[0]['id']} is cancelled\n")


def test_through_a_pooler_that_hides_who_is_there_somebody_is_believed(database: Database) -> None:
    with database.session.connect() as conn:
        assert isinstance(conn, BoundedConnection)
        assert not is_anyone_at_work(conn)
        conn.session_pid = None
        assert is_anyone_at_work(conn)


def test_a_failed_import_is_exit_code_1_with_its_sentence(command: Command, db: psycopg.Connection) -> None:
    db.execute(
        "ALTER TABLE supplier_imports ALTER status SET DEFAULT 'failed', ALTER phase SET DEFAULT 'failed',"
        " ALTER error_message SET DEFAULT 'The list could not be fetched: no.'"
    )
    arguments = ["import-prices", "https://example.org/a.csv", "--supplier", "Acme"]
    code, out, err = command(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("catalogd: import ")
    assert err.endswith(" is failed: The list could not be fetched: no.\n")
    code, out, err = command(*arguments, "--json")
    assert code == 1
    told = json.loads(out)
    assert (told["status"], told["error_message"]) == ("failed", "The list could not be fetched: no.")


def test_an_import_that_is_deleted_meanwhile_is_no_riddle(command: Command, db: psycopg.Connection) -> None:
    db.execute(
        "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN DELETE FROM supplier_imports; RETURN NULL; END';"
        " CREATE TRIGGER gone AFTER INSERT ON supplier_imports FOR EACH ROW EXECUTE FUNCTION gone()"
    )
    supplier(db)
    code, out, err = command("import-prices", "https://example.org/a.csv", "--supplier", "Acme")
    assert (code, out) == (1, "")
    assert err.endswith("was deleted while it was under way\n")
