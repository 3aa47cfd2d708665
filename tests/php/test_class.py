"""php/Catalogd.php does what it says, with PHP's own role beside a real daemon, however PDO is set up."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.php.php import ROLE, needs_php, run_php, source
from tests.support.database import Database
from tests.support.factories import shop
from tests.support.pgbouncer import PGBOUNCER, Pooler
from tests.support.process import Catalogd

pytestmark = [needs_php, pytest.mark.one_server]

SCRIPT = Path(__file__).with_name("catalogd.php")
EMULATED = {20: True, 17: True}  # PDO::ATTR_EMULATE_PREPARES, PDO::ATTR_STRINGIFY_FETCHES


def test_the_class_orders_follows_reads_and_decides(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    shop(db, products=560, labelled=40)
    assert catalogd("learn").returncode == 0
    process = catalogd.start()
    said = run_php(SCRIPT, source(database), SHOP_FIRST="41")
    assert said.endswith("all of it\n")
    decided = db.execute("SELECT verdict, is_right FROM human_decisions ORDER BY id").fetchall()
    assert decided == [("recommended", False), ("recommended", False)], (
        "what was withdrawn or approved by machine is none"
    )
    if PGBOUNCER is not None:
        with Pooler(make_conninfo(database.dsn, user=ROLE)) as pooler:
            pooled = conninfo_to_dict(pooler.dsn)
            dsn = f"pgsql:host={pooled['host']};port={pooled['port']};dbname=shop;user={ROLE}"
            assert run_php(SCRIPT, dsn, EMULATED, SHOP_FIRST="51").count("\n") == said.count("\n")
    assert process.stop() == 0
