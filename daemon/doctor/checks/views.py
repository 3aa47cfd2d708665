"""The shop's products and categories are seen through the two views, and fit together."""

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import Connection

from daemon.doctor.check import Check, Finding, ok, warning, wrong
from daemon.doctor.patient import Patient, sql

WANTED = {
    "catalogd_products": {
        **dict.fromkeys(("sku", "name", "manufacturer", "part_number", "description", "category_code"), ("S",)),
        "product_id": ("N",),  # categories of types, as in pg_type.typcategory
        "attributes": ("U",),
    },
    "catalogd_categories": dict.fromkeys(("code", "label", "path"), ("S",)),
}
MIGRATE = "catalogd migrate makes it over the usual columns; or create it over your own: README.md, Use it on your shop"
TYPES = {"S": "a text", "N": "a number", "U": "jsonb"}


def examine(patient: Patient) -> Iterator[Finding]:
    conn = patient.database
    faults = [fault for view, wanted in WANTED.items() for fault in _faults(conn, view, wanted)]
    if faults:
        yield from faults
        return
    has_products, categories = conn.execute(sql("count_views")).fetchone() or (False, 0)
    products = _estimate_products(conn) if has_products else 0
    facts = {"products": products, "categories": categories}
    unknown = [code for (code,) in conn.execute(sql("find_unknown_categories"))] if categories else []
    if not categories:
        yield wrong(
            "catalogd_categories is empty: there is nothing to suggest", "fill it, or map another table", **facts
        )
    elif not has_products:
        yield warning("catalogd_products is empty", "fill it, or map another table", **facts)
    elif unknown:
        yield warning(
            f"products have categories that are not there: {', '.join(map(str, unknown))}",
            "add them to catalogd_categories: what is not in it is never suggested",
            unknown=unknown,
            **facts,
        )
    else:
        yield ok(f"about {products:,} products, {categories:,} categories; those of the products are there", **facts)


def _faults(conn: Connection, view: str, wanted: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    columns: dict[str, str] = dict(conn.execute(sql("read_columns"), {"view": view}).fetchall())
    if not columns:
        yield wrong(f"there is no view {view}", MIGRATE)
        return
    if missing := sorted(set(wanted) - columns.keys()):
        yield wrong(f"{view} lacks {', '.join(missing)}", f"create it anew with all of {', '.join(wanted)}")
        return
    for column, categories in wanted.items():
        if columns[column] not in categories:
            yield wrong(
                f"{view}.{column} is not {' or '.join(TYPES[category] for category in categories)}",
                f"create {view} anew, with a cast",
            )


def _estimate_products(conn: Connection) -> int:
    """As the planner guesses: to count them takes as long as they are many."""
    row = conn.execute(sql("plan_products")).fetchone()
    plan: Any = row[0] if row else [{"Plan": {"Plan Rows": 0}}]
    rows: float = plan[0]["Plan"]["Plan Rows"]
    return round(rows)


CHECK = Check("views", examine)
