"""What the matching of a slice reads and writes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from daemon.database.statements import statement
from daemon.engine.workload import Item
from daemon.workloads.price_lists.keys import draft_key
from daemon.workloads.price_lists.offers import Key, KnownItem, MatchStatus, ReadLine, Verdict, Written
from daemon.workloads.price_lists.product import CatalogueProduct

PACKAGE = "daemon.workloads.price_lists"
PRODUCTS_AT_A_TIME = 5_000
MOST_REVIEWS = 5_000  # of people's decisions, the newest, that the score learns from


class Draft(NamedTuple):
    """A draft of a product; of one that was accepted, the product."""

    key: str
    id: int
    product_id: int | None


def read_suppliers(conn: Connection, import_ids: Iterable[int]) -> dict[int, int]:
    """The supplier of each import that has one still."""
    rows = conn.execute(statement(PACKAGE, "read_imports"), {"import_ids": sorted(set(import_ids))})
    return {import_id: supplier_id for import_id, supplier_id, _ in rows if supplier_id is not None}


def read_lines(conn: Connection, items: Sequence[Item]) -> list[ReadLine]:
    parameters = {"import_ids": [item.batch_id for item in items], "numbers": [item.id for item in items]}
    with conn.cursor(row_factory=class_row(ReadLine)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_lines"), parameters).fetchall()


def read_items(conn: Connection, keys: Sequence[Key]) -> dict[Key, KnownItem]:
    parameters = {
        "supplier_ids": [key.supplier_id for key in keys],
        "item_keys": [key.item_key for key in keys],
    }
    with conn.cursor(row_factory=class_row(KnownItem)) as cursor:
        return {item.key: item for item in cursor.execute(statement(PACKAGE, "read_items"), parameters)}


def read_taken(conn: Connection, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], set[str]]:
    """For pairs of supplier and product: the items that are linked already."""
    parameters = {
        "supplier_ids": [supplier_id for supplier_id, _ in wanted],
        "product_ids": [product_id for _, product_id in wanted],
    }
    taken: dict[tuple[int, int], set[str]] = {}
    for supplier_id, product_id, item_key in conn.execute(statement(PACKAGE, "read_taken"), parameters):
        taken.setdefault((supplier_id, product_id), set()).add(item_key)
    return taken


def lock_products(conn: Connection, product_ids: Iterable[int]) -> set[int]:
    """Lock them, in order; returns those that there are."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        parameters = {"product_ids": sorted(set(product_ids))}
        return set(cursor.execute(statement(PACKAGE, "lock_products"), parameters))


def lock_items(conn: Connection, keys: Sequence[Key]) -> None:
    """Those that are there. What they are now is read by the next statement."""
    parameters = {
        "supplier_ids": [key.supplier_id for key in keys],
        "item_keys": [key.item_key for key in keys],
    }
    conn.execute(statement(PACKAGE, "lock_items"), parameters)


def read_accepted(conn: Connection, verdicts: Sequence[Verdict]) -> set[int]:
    """The products that drafts of these lines were made into."""
    if not verdicts:
        return set()
    with conn.cursor(row_factory=scalar_row) as cursor:
        parameters = {"draft_keys": sorted(set(_draft_keys(verdicts)))}
        return set(cursor.execute(statement(PACKAGE, "read_accepted"), parameters))


def find_drafts(conn: Connection, verdicts: Sequence[Verdict]) -> dict[Item, Draft | None]:
    """A draft for each of these lines, made where there is none, locked; None of one that was dropped meanwhile."""
    if not verdicts:
        return {}
    keys = _draft_keys(verdicts)
    parameters = {
        "import_ids": [verdict.line.import_id for verdict in verdicts],
        "numbers": [verdict.line.number for verdict in verdicts],
        "draft_keys": keys,
    }
    conn.execute(statement(PACKAGE, "write_drafts"), parameters)
    rows = conn.execute(statement(PACKAGE, "lock_drafts"), {"draft_keys": sorted(set(keys))})
    drafts = {row[0]: Draft(*row) for row in rows}
    return {verdict.line.item: drafts.get(key) for verdict, key in zip(verdicts, keys, strict=True)}


def _draft_keys(verdicts: Sequence[Verdict]) -> list[str]:
    return [draft_key(verdict.line.line, verdict.key.supplier_id) for verdict in verdicts]


def write_items(conn: Connection, verdicts: Sequence[Verdict]) -> list[Written]:
    parameters = {
        "import_ids": [verdict.line.import_id for verdict in verdicts],
        "numbers": [verdict.line.number for verdict in verdicts],
        "product_ids": [verdict.product_id for verdict in verdicts],
        "draft_ids": [verdict.draft_id for verdict in verdicts],
        "statuses": [verdict.status.value for verdict in verdicts],
        "scores": [round(verdict.score, 2) for verdict in verdicts],
        "reasons": [Jsonb(verdict.reasons) for verdict in verdicts],
    }
    return [Written(*row) for row in conn.execute(statement(PACKAGE, "write_items"), parameters)]


def write_reviews(conn: Connection, verdicts: Sequence[Verdict], written: Sequence[Written]) -> None:
    """Ask people where the verdict is that they be asked, and take back what needs no answer any more."""
    asked = {verdict.key: verdict for verdict in verdicts if verdict.status is MatchStatus.REVIEW}
    pairs = [
        (row, asked[key])
        for row in written
        if (key := Key(row.supplier_id, row.item_key)) in asked and row.match_status == MatchStatus.REVIEW
    ]
    answered = [row.id for row in written if row.match_status != MatchStatus.REVIEW]
    if answered:
        conn.execute(statement(PACKAGE, "supersede_reviews"), {"item_ids": answered})
    if pairs:
        parameters = {
            "item_ids": [row.id for row, _ in pairs],
            "import_ids": [row.import_id for row, _ in pairs],
            "scores": [round(verdict.score, 2) for _, verdict in pairs],
            "candidates": [Jsonb(verdict.candidates) for _, verdict in pairs],
        }
        conn.execute(statement(PACKAGE, "write_reviews"), parameters)


def drop_drafts(conn: Connection, draft_ids: Iterable[int]) -> None:
    """Those that no item is a draft of any more."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        left = cursor.execute(statement(PACKAGE, "lock_left_drafts"), {"draft_ids": sorted(set(draft_ids))}).fetchall()
    if left:
        conn.execute(statement(PACKAGE, "drop_drafts"), {"draft_ids": left})


def refresh_offers(conn: Connection, product_ids: Iterable[int]) -> None:
    """The products are locked."""
    conn.execute(statement(PACKAGE, "refresh_offers"), {"product_ids": sorted(set(product_ids))})


def stamp(conn: Connection, what: str) -> str:
    """Changes when the catalogue or the reviews do."""
    row = conn.execute(statement(PACKAGE, f"stamp_{what}")).fetchone()
    return str(row[0]) if row else ""


def read_catalogue(conn: Connection) -> Iterator[CatalogueProduct]:
    """Every product, some at a time, so that the session is never silent for long."""
    after = -1
    while True:
        parameters = {"after": after, "limit": PRODUCTS_AT_A_TIME}
        rows = conn.execute(statement(PACKAGE, "read_catalogue"), parameters).fetchall()
        if not rows:
            return
        for product_id, sku, name, manufacturer, part_number, barcode, price, attributes in rows:
            yield CatalogueProduct(
                product_id=product_id,
                name=name or "",
                sku=sku,
                manufacturer=manufacturer,
                part_number=part_number,
                barcode=barcode,
                price=_decimal(price),
                attributes=_texts(attributes),
            )
        after = rows[-1][0]


def count_reviews(conn: Connection) -> int:
    """Those that wait for people."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        number: int = cursor.execute(statement(PACKAGE, "count_reviews")).fetchone() or 0
    return number


def read_decided(conn: Connection) -> list[tuple[float, Mapping[str, float]]]:
    """What people answered on candidates, as Reviewed has it, and what was measured of these."""
    return conn.execute(statement(PACKAGE, "read_decided"), {"limit": MOST_REVIEWS}).fetchall()


def _decimal(text: str | None) -> Decimal | None:
    try:
        value = Decimal(text) if text is not None else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() and value > 0 else None


def _texts(attributes: Any) -> dict[str, str]:
    if not isinstance(attributes, Mapping):
        return {}
    return {str(name): str(value) for name, value in attributes.items() if value is not None}
