"""docs/price-lists.md: every statement in it does what it says, for PHP's role, beside a real daemon."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.support.database import Database
from tests.support.factories import shop
from tests.support.price_lists import rows, write_list
from tests.support.process import Catalogd
from tests.support.roles import PHP
from tests.support.waiting import wait_until

pytestmark = pytest.mark.one_server  # its subject is the page

DOCUMENT = Path(__file__).parents[2] / "docs" / "price-lists.md"
PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
OPEN = "SELECT count(*) FROM supplier_imports WHERE status IN ('pending', 'processing')"
HEADER = "Artikelnr.;Bezeichnung;Hersteller;Herstellernr.;EK netto"


def lines(price: str) -> list[str]:
    kinds = (("copper pipe", "Flowright", "PX"), ("steel hammer", "Hitwell", "HM"))
    known = [
        f"S{i};{kinds[1 - i % 2][0]} {i};{kinds[1 - i % 2][1]};{kinds[1 - i % 2][2]}{1000 + i};{price}"
        for i in range(1, 21)
    ]
    likely = [f"L{i};copper pipe {i};Flowright;PX{1000 + i}-X;{price}" for i in (31, 33, 35)]
    return [HEADER, *known, *likely, f"X1;Quartz wristwatch;Tempora;QW-77;{price}", f"X2;;;;{price}", "X3;Pen;;;minus"]


class Shop:
    """PHP's side: runs statements of the document, and keeps what they return under the names they give it."""

    def __init__(self, php: psycopg.Connection, db: psycopg.Connection, known: dict[str, Any]) -> None:
        self._php, self._db = php, db
        self.known = known

    def run(self, text: str) -> None:
        query = PARAMETER.sub(r"%(\1)s", text.replace("%", "%%"))
        wanted = {name: self.known[name] for name in PARAMETER.findall(text)}
        with self._php.cursor(row_factory=dict_row) as cursor:
            cursor.execute(query.encode(), wanted)
            found = cursor.fetchall() if cursor.description else []
            assert found or cursor.rowcount or "'cancelled'\n" in text, f"it does nothing:\n{text}"
        wait_until(lambda: rows(self._db, OPEN) == [(0,)])
        for name in ("supplier", "import", "next_import", "draft"):
            if found and name in found[0]:
                self.known[name] = found[0][name]
        if found and "review" in found[0]:
            self.known["reviews"] = sorted({row["review"] for row in found})
        if "UPDATE match_reviews" in text or "review" in (found[0] if found else {}):
            self.known["review"] = self.known["reviews"].pop() if self.known["reviews"] else None


def test_every_statement_does_what_it_says(
    database: Database, db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path
) -> None:
    ids = shop(db, products=40)
    first = write_list(tmp_path / "lists" / "first.csv", *lines("3,50"))
    second = write_list(tmp_path / "lists" / "second.csv", *lines("4,00")[:-3])
    process = catalogd.start(
        CATALOGD_PRICE_LIST_FOLDER=str(tmp_path / "shelf"), CATALOGD_PRICE_LIST_SOURCES=str(tmp_path / "lists")
    )
    db.execute(f"GRANT SELECT ON products TO {PHP}")  # the shop's own table
    known = {"name": "Bolt & Co", "list": str(first), "next_list": str(second), "user": 7, "product": ids[39]}
    statements = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(statements) >= 17
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.dsn, user=PHP), autocommit=True) as php:
        shop_of_php = Shop(php, db, known)
        for text in statements:
            shop_of_php.run(text)
    assert process.stop() == 0
    decided = rows(db, "SELECT status, decided_by FROM match_reviews ORDER BY status, id")
    assert decided == [("approved", 7), ("approved", 7), ("rejected", 7)]
    statuses = dict(rows(db, "SELECT match_status, count(*) FROM supplier_items GROUP BY match_status"))
    assert statuses == {"linked": 20, "confirmed": 3, "draft": 1}
    assert rows(db, "SELECT product_id FROM supplier_items WHERE sku = 'X1'") == [(ids[39],)]
