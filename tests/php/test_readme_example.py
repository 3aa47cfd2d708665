"""The README's PHP example, run by a real PHP."""

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


@pytest.mark.skipif(PHP is None, reason="php is not installed")
def test_the_readme_example_inserts_a_batch_and_sees_it_completed(
    database: Database, db: psycopg.Connection, catalogd: Catalogd
) -> None:
    shop(db, products=3)
    (example,) = re.findall(r"```php\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    process = catalogd.start()
    server = database.server
    source = f"pgsql:host={server.host};port={server.port};dbname={database.name};user=postgres"
    assert PHP is not None
    result = subprocess.run(
        [PHP, "-d", "display_errors=stderr"],
        input=f"<?php\n{example}",
        env=os.environ | {"SHOP_DSN": source},
        text=True,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "completed: 3 of 3"
    assert process.stop() == 0
