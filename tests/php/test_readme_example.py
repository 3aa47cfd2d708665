"""The README's PHP examples, run by a real PHP."""

import re
from pathlib import Path

import psycopg
import pytest

from tests.php.php import needs_php, run_php, source
from tests.support.database import Database
from tests.support.factories import shop
from tests.support.process import Catalogd
from tests.support.roles import give_rights

pytestmark = [needs_php, pytest.mark.one_server]

README = Path(__file__).parents[2] / "README.md"


def run_example(number: int, database: Database) -> str:
    """What the README's example of that number, from 0, printed."""
    examples = re.findall(r"```php\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    return run_php(f"<?php\n{examples[number]}", source(database))


def test_the_readme_example_inserts_a_batch_and_sees_it_completed(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    shop(db, products=3)
    process = catalogd.start()
    assert run_example(0, database).splitlines()[-1] == "completed: 3 of 3"
    assert process.stop() == 0


def test_the_readme_example_orders_the_import_of_a_price_list(database: Database, db: psycopg.Connection) -> None:
    give_rights(database)
    for _ in range(2):
        assert run_example(1, database) == ""
    ordered = db.execute(
        "SELECT supplier.name, import.source_type, import.source_url, import.status, import.phase"
        " FROM supplier_imports AS import JOIN suppliers AS supplier ON supplier.id = import.supplier_id"
    ).fetchall()
    assert ordered == 2 * [("Bolt & Co", "csv", "https://example.com/bolts.csv", "pending", "downloading")]
