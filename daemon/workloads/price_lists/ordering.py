"""Orders imports of price lists with SQL alone, as PHP does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from psycopg import Connection
from psycopg.types.json import Jsonb

from daemon.database.statements import statement

PACKAGE = "daemon.workloads.price_lists"
WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
ON_THE_WEB = re.compile(r"https?://", re.IGNORECASE)
SHEETS_HOST = "docs.google.com"


@dataclass(frozen=True, slots=True)
class NewImport:
    """What is ordered: the list of a supplier, and how it is to be read."""

    supplier: str
    source_type: str
    source_url: str
    column_mapping: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None


def is_on_the_web(place: str) -> bool:
    return ON_THE_WEB.match(place) is not None


def guess_source_type(place: str) -> str:
    """csv, excel, google_sheets or pdf, by a file's name or an address. What it truly is, is seen when it is read."""
    path = place
    if is_on_the_web(place):
        address = urlsplit(place)
        if address.hostname == SHEETS_HOST and address.path.startswith("/spreadsheets/"):
            return "google_sheets"
        path = address.path
    suffix = PurePosixPath(path).suffix.lower()
    return "excel" if suffix in WORKBOOKS else "pdf" if suffix == ".pdf" else "csv"


def order_import(conn: Connection, order: NewImport) -> int:
    """Make the supplier if there is none of that name, and insert the import; returns the import's id."""
    with conn.transaction():
        conn.execute(statement(PACKAGE, "make_supplier"), {"name": order.supplier})
        parameters = {
            "supplier": order.supplier,
            "source_type": order.source_type,
            "source_url": order.source_url,
            "column_mapping": None if order.column_mapping is None else Jsonb(order.column_mapping),
            "options": Jsonb(order.options) if order.options else None,
        }
        row = conn.execute(statement(PACKAGE, "order_import"), parameters).fetchone()
    assert row is not None  # noqa: S101  # the supplier is there
    import_id: int = row[0]
    return import_id
