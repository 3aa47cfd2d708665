"""`catalogd import-prices` beside a real daemon: a file becomes items, and people are told what became of it."""

import json
from pathlib import Path

import psycopg
import pytest

from tests.support.factories import shop
from tests.support.price_lists import read_import, rows, write_list
from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject is the command

HEADER = "Artikelnr.;Bezeichnung;Hersteller;Herstellernr.;Händler-EK netto €"
KINDS = (("copper pipe", "Flowright", "PX"), ("steel hammer", "Hitwell", "HM"))


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {"CATALOGD_PRICE_LIST_FOLDER": str(tmp_path / "shelf")}


def lines(count: int, price: str = "2,50") -> list[str]:
    kinds = ((i, *KINDS[1 - i % 2]) for i in range(1, count + 1))
    known = [f"S{i};{name} {i};{maker};{code}{1000 + i};{price}" for i, name, maker, code in kinds]
    return [HEADER, *known, f"X1;Quartz wristwatch;Tempora;QW-77;{price}", "X2;Pen;;;minus", "X3;Pen;;;-1"]


def test_a_list_is_imported_and_told(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path, settings: dict[str, str]
) -> None:
    shop(db, products=40)
    process = catalogd.start(**settings)
    file = write_list(tmp_path / "June.csv", *lines(40))
    arguments = ["import-prices", str(file), "--supplier", "Bolt & Co"]

    first = catalogd(*arguments, **settings)
    assert (first.returncode, first.stderr) == (0, "")
    told = first.stdout.splitlines()
    told = told[next(place for place, line in enumerate(told) if line.startswith("import 1, ")) :]
    assert told[0].startswith("import 1, Bolt & Co: 41 of 43 lines in ")
    assert told[1:4] == [
        "  linked 40, confirmed by people 0, for people to review 0, drafts 1, in error 2",
        "  new 41, changed 0, gone from the list 0",
        "  bad_price: 2 lines, such as line 43, column Händler-EK netto € (minus): the price is not a number",
    ]
    assert told[4] == "  read as csv, utf-8, delimiter ;, header in line 1, decimal sign ,, currency EUR"
    assert "price from 'Händler-EK netto €'" in told[5]
    assert process.wait_for("batch.completed", batch_id=1)["workload"] == "price-lists"

    same = catalogd(*arguments, **settings)
    assert same.stdout.splitlines()[-1] == "import 2, Bolt & Co: the list is that of import 1, nothing was to be done"

    write_list(file, *lines(30, price="3,00")[:-1])
    second = json.loads(catalogd(*arguments, "--json", **settings).stdout)
    keys = ("id", "supplier", "status", "total", "success", "errors", "linked", "draft", "new", "changed", "gone")
    assert [second[key] for key in keys] == [3, "Bolt & Co", "completed", 32, 31, 1, 30, 1, 0, 31, 10]
    assert second["errors_by_code"][0]["value"] == "minus"
    assert second["detected"]["mapping"]["price"] == "Händler-EK netto €"
    assert rows(db, "SELECT count(*) FROM supplier_item_prices") == [(41 + 31,)]

    (tmp_path / "page.html").write_text("<html><body>Not found</body></html>")
    failed = catalogd("import-prices", str(tmp_path / "page.html"), "--supplier", "Bolt & Co", **settings)
    assert failed.returncode == 1
    assert failed.stderr.startswith("catalogd: import 4 is failed: The list could not be read: ")
    found = read_import(db, 4)
    assert (found["status"], found["failed_phase"]) == ("failed", "analyzing")
    assert process.stop() == 0
