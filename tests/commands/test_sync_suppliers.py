"""`catalogd sync-suppliers` brings suppliers in line with their sheet and tells what changed."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from tests.support.process import Catalogd

pytestmark = pytest.mark.one_server  # its subject is the command

URL = "https://acme.example/list.csv"


def test_it_tells_what_changed(db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path) -> None:
    sheet = tmp_path / "suppliers.csv"
    sheet.write_text(f"name,url\nAcme,{URL}\nBest,{URL}\nBad\x1b[2J,ftp://x\n")
    done = catalogd("sync-suppliers", CATALOGD_SUPPLIERS_SHEET=str(sheet))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2 suppliers on the sheet: 2 new, 0 changed; 2 imports ordered",
        "line 4 (Bad [2J) could not be used: lists are fetched by http and https only",
    ]
    sheet.write_text(f"name,url\nAcme,{URL}\n")
    done = catalogd("sync-suppliers", "--json", CATALOGD_SUPPLIERS_SHEET=str(sheet))
    assert json.loads(done.stdout) == {
        "suppliers": 1,
        "new": 0,
        "changed": 0,
        "set_inactive": ["Best"],
        "imports": 0,
        "bad": [],
    }
    assert db.execute("SELECT count(*) FROM supplier_imports").fetchone() == (2,)


def test_a_sheet_that_lost_most_is_refused_unless_forced(
    db: psycopg.Connection, catalogd: Catalogd, tmp_path: Path
) -> None:
    sheet = tmp_path / "suppliers.csv"
    sheet.write_text("name,url\n" + "".join(f"S{number},{URL}\n" for number in range(9)))
    assert catalogd("sync-suppliers", CATALOGD_SUPPLIERS_SHEET=str(sheet)).returncode == 0
    sheet.write_text(f"name,url\nS1,{URL}\n")
    refused = catalogd("sync-suppliers", CATALOGD_SUPPLIERS_SHEET=str(sheet))
    assert refused.returncode == 1
    assert refused.stderr.startswith("catalogd: the sheet of suppliers has lost 8 of 9 suppliers: nothing was changed")
    forced = catalogd("sync-suppliers", "--force", CATALOGD_SUPPLIERS_SHEET=str(sheet))
    assert forced.returncode == 0
    assert db.execute("SELECT count(*) FROM suppliers WHERE is_active").fetchone() == (1,)


def test_without_a_sheet_it_says_which_setting_to_make(catalogd: Catalogd) -> None:
    done = catalogd("sync-suppliers")
    assert done.returncode == 78
    assert "CATALOGD_SUPPLIERS_SHEET" in done.stderr
