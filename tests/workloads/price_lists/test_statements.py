"""Each statement of the price lists is one that the server understands."""

from importlib.resources import files

import psycopg
import pytest

from daemon.database.statements import statement
from daemon.workloads.price_lists.store import PACKAGE

NAMES = sorted(file.name.removesuffix(".sql") for file in files(PACKAGE).joinpath("sql").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_the_server_understands_it(db: psycopg.Connection, name: str) -> None:
    values = {
        "after": -1, "candidates": ["[]"], "checksum": "x", "detected": "{}", "draft_ids": [1], "draft_keys": ["x"],
        "earlier": 1, "fetched": "{}", "file_name": "x", "how": "x", "ids": [1], "import_id": 1, "import_ids": [1],
        "item_ids": [1], "item_keys": ["x"], "limit": 1, "numbers": [1], "percent": 1, "phase": "x", "product_ids": [1],
        "later": 1, "reasons": ["[]"], "scores": [1], "statuses": ["x"], "supplier_id": 1, "supplier_ids": [1],
        "name": "x", "column_mapping": "{}", "options": "{}", "source_type": "x", "source_url": "x", "supplier": "x",
    }  # fmt: skip
    db.execute(b"EXPLAIN " + statement(PACKAGE, name), values)
