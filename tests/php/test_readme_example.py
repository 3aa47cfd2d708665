"""The README's PHP examples, run by a real PHP."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import shop
from tests.support.process import Catalogd

PHP = shutil.which("php")
README = Path(__file__).parents[2] / "README.md"


pytestmark = [pytest.mark.one_server, pytest.mark.skipif(PHP is None, reason="php is not installed")]


def run_example(number: int, database: Database) -> subprocess.CompletedProcess[str]:
    """The README's example of that number, from 0."""
    examples = re.findall(r"```php\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    server = database.server
    source = f"pgsql:host={server.host};port={server.port};dbname={database.name};user=postgres"
    assert PHP is not None
    return subprocess.run(
        [PHP, "-d", "display_errors=stderr"],
        input=f"<?php\n{examples[number]}",
        env=os.environ | {"SHOP_DSN": source},
        text=True,
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_the_readme_example_inserts_a_batch_and_sees_it_completed(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    shop(db, products=3)
    process = catalogd.start()
    result = run_example(0, database)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "completed: 3 of 3"
    assert process.stop() == 0


def test_the_readme_example_orders_the_import_of_a_price_list(database: Database, db: psycopg.Connection) -> None:
    for _ in range(2):
        result = run_example(1, database)
        assert (result.returncode, result.stderr, result.stdout) == (0, "", "")
    ordered = db.execute(
        "SELECT supplier.name, import.source_type, import.source_url, import.status, import.phase"
        " FROM supplier_imports AS import JOIN suppliers AS supplier ON supplier.id = import.supplier_id"
    ).fetchall()
    assert ordered == 2 * [("Bolt & Co", "csv", "https://example.com/bolts.csv", "pending", "downloading")]
