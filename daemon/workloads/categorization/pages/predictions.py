"""The predictions of a batch: how sure they are, and a page of them with their evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlencode

import psycopg
from psycopg import Connection
from psycopg.rows import args_row, class_row
from psycopg.types.json import set_json_loads

from daemon.database.bulk import id_list
from daemon.database.statements import statement
from daemon.workloads.categorization.pages.decisions import PACKAGE
from daemon.workloads.categorization.store import read_json
from daemon.workloads.pages import Query, Section

PAGE = 25
MOST = 10_000  # predictions that are counted, and put in the order of their confidence
WINDOW = 20_000  # that are looked through for one page, where they are in the order of their products
STEP = 5  # of confidence, for a bar
LEVELS = ("high", "medium", "low")
STATUSES = ("pending", "approved", "rejected", "superseded")
ORDERS = {"unsure": "least sure first", "sure": "surest first", "product": "by product"}
ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for, and in which order."""

    level: str | None
    status: str | None
    from_confidence: int | None
    order: str

    def address(self, **changed: object) -> str:
        """A query for the page as it is but for what is changed; None takes something away."""
        asked = {"level": self.level, "state": self.status, "from": self.from_confidence, "order": self.order} | changed
        return "?" + urlencode({key: value for key, value in asked.items() if value is not None}) + "#predictions"

    @property
    def is_any(self) -> bool:
        return self.level is None and self.status is None and self.from_confidence is None


@dataclass(frozen=True, slots=True)
class Bar:
    """Predictions of a step of confidence, by level."""

    start: int
    by_level: Mapping[str, int]

    @property
    def predictions(self) -> int:
        return sum(self.by_level.values())

    @property
    def name(self) -> str:
        return f"{self.start} to {self.start + STEP}"


class Reason(NamedTuple):
    """A row of evidence."""

    prediction_id: int
    source: str | None
    value: str | None
    weight: float | None


class Product(NamedTuple):
    """What the shop says of it."""

    id: int
    name: str | None
    sku: str | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A prediction of a product."""

    id: int
    product_id: int
    code: str | None
    label: str | None
    confidence: float | None
    level: str | None
    status: str
    alternatives: object

    @property
    def others(self) -> list[tuple[object, object]]:
        """What else it might be, and how likely; PHP may have written anything."""
        found = self.alternatives if isinstance(self.alternatives, list) else []
        named = [other for other in found if isinstance(other, dict)][:ALTERNATIVES]
        return [(other.get("label") or other.get("code"), other.get("probability")) for other in named]

    @property
    def may_be_decided(self) -> bool:
        return self.status in STATUSES[:3]


def show_predictions(conn: Connection, batch_id: int, query: Query) -> Section:
    wanted = _read_filter(query)
    counted = conn.execute(statement(PACKAGE, "count_predictions"), {"batch_id": batch_id, "limit": MOST}).fetchall()
    total = sum(row[3] for row in counted)
    is_large = total >= MOST
    if is_large and wanted.order != "product":
        wanted = Filter(wanted.level, wanted.status, wanted.from_confidence, "product")
    found, next_page = _find(conn, batch_id, wanted, query)
    predictions = _read(conn, found)
    evidence, is_hidden = _read_evidence(conn, found)
    products = _read_products(conn, predictions)
    shown = {
        "wanted": wanted,
        "bars": _bars(counted),
        "by_level": _sum_by(counted, 1, LEVELS),
        "by_status": _sum_by(counted, 2, STATUSES),
        "total": total,
        "is_large": is_large,
        "most": MOST,
        "orders": ORDERS if not is_large else {"product": ORDERS["product"]},
        "levels": LEVELS,
        "statuses": STATUSES,
        "predictions": predictions,
        "products": products or {},
        "are_nameless": products is None,
        "evidence": evidence,
        "is_hidden": is_hidden,
        "next": next_page,
        "is_first": "after" not in query,
    }
    return Section("categorization/predictions.html", shown)


def _read_filter(query: Query) -> Filter:
    level, status, start = query.get("level"), query.get("state"), query.get("from", "")
    order = query.get("order", "")
    return Filter(
        level if level in LEVELS else None,
        status if status in STATUSES else None,
        int(start) if start.isascii() and start.isdigit() and len(start) <= 2 and int(start) % STEP == 0 else None,
        order if order in ORDERS else "unsure",
    )


def _find(conn: Connection, batch_id: int, wanted: Filter, query: Query) -> tuple[list[int], str | None]:
    """The ids of a page, and where the next one begins."""
    confidence, product = _read_place(query.get("after", ""))
    parameters = {
        "batch_id": batch_id,
        "level": wanted.level,
        "status": wanted.status,
        "from_confidence": wanted.from_confidence,
        "after_product": product,
        "after_confidence": confidence,
        "sign": -1 if wanted.order == "sure" else 1,
        "window": WINDOW if wanted.order == "product" else MOST,
        "limit": PAGE + 1,
    }
    name = "list_by_product" if wanted.order == "product" else "list_by_confidence"
    rows = conn.execute(statement(PACKAGE, name), parameters).fetchall()
    ids = [row[0] for row in rows[:PAGE]]
    if len(rows) <= PAGE:
        return ids, None
    _, last_product, last_confidence = rows[PAGE - 1]
    return ids, wanted.address(after=f"{last_confidence or 0:g}_{last_product}")


def _read_place(text: str) -> tuple[float, int]:
    """Where the page before ended; anything else is the beginning."""
    confidence, _, product = text.partition("_")
    try:
        place = float(confidence), int(product)
    except ValueError:
        return -1000.0, -1
    return place if -1000 <= place[0] <= 1000 and 0 <= place[1] < 2**63 else (-1000.0, -1)


def _read(conn: Connection, ids: Sequence[int]) -> list[Prediction]:
    with conn.cursor(row_factory=class_row(Prediction)) as cursor:
        set_json_loads(read_json, cursor)
        rows = cursor.execute(statement(PACKAGE, "read_predictions"), {"ids": id_list(ids)}).fetchall()
    found = {prediction.id: prediction for prediction in rows}
    return [found[id] for id in ids if id in found]


def _read_products(conn: Connection, predictions: Sequence[Prediction]) -> Mapping[int, Product] | None:
    """By id; None where the shop's view does not give them to this role in time. The page does without."""
    ids = id_list([prediction.product_id for prediction in predictions])
    try:
        with conn.transaction(), conn.cursor(row_factory=args_row(Product)) as cursor:
            rows = cursor.execute(statement(PACKAGE, "read_products"), {"ids": ids}).fetchall()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled):
        return None
    return {product.id: product for product in rows}


def _read_evidence(conn: Connection, ids: Sequence[int]) -> tuple[dict[int, list[Reason]], bool]:
    """By prediction; and whether this role may not read it, as the daemon's own may not."""
    try:
        with conn.transaction(), conn.cursor(row_factory=args_row(Reason)) as cursor:
            rows = cursor.execute(statement(PACKAGE, "read_evidence"), {"ids": id_list(ids)}).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return {}, True
    return {id: list(group) for id, group in groupby(rows, lambda reason: reason.prediction_id)}, False


def _bars(counted: Sequence[tuple[int | None, str | None, str, int]]) -> list[Bar]:
    bars: dict[int, dict[str, int]] = {start: dict.fromkeys(LEVELS, 0) for start in range(10, 100, STEP)}
    for start, level, _, predictions in counted:
        if start is not None:
            bars[start][level or "low"] = bars[start].get(level or "low", 0) + predictions
    return [Bar(start, by_level) for start, by_level in bars.items()]


def _sum_by(counted: Sequence[Sequence[object]], column: int, names: Sequence[str]) -> dict[str, int]:
    sums = dict.fromkeys(names, 0)
    for row in counted:
        if row[column] in sums and isinstance(row[3], int):
            sums[str(row[column])] += row[3]
    return sums
