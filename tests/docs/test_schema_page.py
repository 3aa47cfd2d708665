"""docs/schema.md: made of a migrated database, and whole."""

import psycopg
import pytest

from daemon.workloads.categorization.kind import TABLE as PRODUCTS
from daemon.workloads.price_lists.order import TABLE as LISTS
from docs.generate.schema import OTHERS, read_added, read_schema, write_schema
from tests.support.page import ROOT

pytestmark = pytest.mark.one_server  # its subject is a page

PAGE = ROOT / "docs" / "schema.md"
ADDED = read_added()
TABLES = {name: said for section in ADDED["section"] for name, said in section["tables"].items()}


def test_the_page_is_what_the_database_says(db: psycopg.Connection) -> None:
    assert write_schema(read_schema(db)) == PAGE.read_text(encoding="utf-8"), "out of date: make docs"


def test_every_table_has_its_place_and_every_column_a_meaning(db: psycopg.Connection) -> None:
    schema = read_schema(db)
    ours = {column.relation for column in schema.columns if "yoyo" not in column.relation} - OTHERS
    assert sorted(TABLES) == sorted(ours), "docs/generate/schema.toml"
    for name, said in TABLES.items():
        columns = {column.name: column.comment for column in schema.columns_of(name)}
        told = said.get("columns", {})
        assert told.keys() <= columns.keys(), name
        assert [c for c, comment in columns.items() if c not in told | ADDED["common"] and not comment] == [], name
        assert [column for column, meaning in told.items() if columns[column] and meaning] == [], (
            f"{name}: it has a COMMENT"
        )


def test_contracts_name_columns_that_exist_and_all_that_php_is_promised(db: psycopg.Connection) -> None:
    schema = read_schema(db)
    for name, said in TABLES.items():
        if said.get("contract", "all") != "all":
            assert set(said["contract"]) <= {column.name for column in schema.columns_of(name)}, name
    for table in (PRODUCTS, LISTS):
        promised = {"id", "status", "retry_count", "created_at", "started_at", "completed_at", "error_message"}
        promised |= {f"{counter}_{table.counted}" for counter in ("total", "processed", "success", "error")}
        assert promised <= set(TABLES[table.name]["contract"])


def test_what_php_may_write_is_written_by_php(db: psycopg.Connection) -> None:
    writers = {(column.relation, column.name): column.writers for column in read_schema(db).columns}
    assert writers["categorization_batches", "product_ids"] == ["PHP"]
    assert writers["categorization_batches", "status"] == ["PHP", "daemon"]
    assert writers["categorization_batches", "success_products"] == ["daemon"]
    assert writers["batch_slices", "items"] == ["daemon"]
    assert writers["human_decisions", "verdict"] == []
