"""Reads products, categories and models; writes predictions and evidence."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import args_row, class_row, scalar_row
from psycopg.types.json import set_json_loads

from daemon.database.bulk import copy_rows, id_list
from daemon.database.statements import statement
from daemon.engine.workload import Item
from daemon.workloads.categorization.decision import Decision
from daemon.workloads.categorization.evidence.source import Evidence
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.storage import from_bytes
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Category, Taxonomy

PREDICTION_COLUMNS = (
    "id",
    "product_id",
    "batch_id",
    "suggested_category_code",
    "suggested_category_label",
    "confidence_score",
    "confidence_level",
    "status",
    "model_version",
    "alternatives",
    "unknown_share",
    "unknown_manufacturer",
)
EVIDENCE_COLUMNS = ("prediction_id", "source_type", "source_label", "evidence_value", "weight")


@dataclass(frozen=True, slots=True)
class Explained:
    """A prediction as `catalogd explain` shows it.

    `alternatives`: a list of objects with code, label and probability, or None; PHP may have written anything else.
    """

    id: int
    product_id: int
    batch_id: int
    suggested_category_code: str | None
    suggested_category_label: str | None
    confidence: float | None
    confidence_level: str | None
    status: str
    model_version: int | None
    alternatives: object
    product_name: str | None


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) < 40 else float(digits)


_decode = json.JSONDecoder(parse_int=_parse_int).raw_decode  # `json.loads` would make a decoder for each text


def read_json(text: str | bytes) -> object:
    """The shop's JSON as Python reads it; None for what it cannot: endless digits, endless nesting."""
    try:
        text = (text if isinstance(text, str) else str(text, "utf-8")).strip()
        found, end = _decode(text)
        return found if end == len(text) else None
    except (ValueError, RecursionError):
        return None


def _sql(name: str) -> bytes:
    return statement("daemon.workloads.categorization", name)


def lock_products(conn: Connection, product_ids: Sequence[int]) -> None:
    """Lock the products that exist until the end of the caller's transaction, in id order."""
    conn.execute(_sql("lock_products"), {"product_ids": id_list(sorted(product_ids))})


def read_products(conn: Connection, product_ids: Sequence[int]) -> dict[int, Product]:
    """The products that the shop's view shows, by id."""
    with conn.cursor(row_factory=args_row(Product)) as cursor:  # quicker than by name
        set_json_loads(read_json, cursor)
        cursor.execute(_sql("read_products"), {"product_ids": id_list(product_ids)})
        return {product.id: product for product in cursor}


def read_predicted(conn: Connection, items: Sequence[Item]) -> set[Item]:
    """Those of the items that have their prediction in their batch already."""
    parameters = {
        "batch_ids": id_list(item.batch_id for item in items),
        "product_ids": id_list(item.id for item in items),
    }
    return {Item(*row) for row in conn.execute(_sql("read_predicted"), parameters)}


def write_predictions(
    conn: Connection,
    decided: Mapping[Item, Decision],
    taxonomy: Taxonomy,
    model_version: int | None,
    limits: Mapping[str, int],
) -> None:
    """Write a prediction with its evidence for each item; older pending ones of the same products are superseded.

    The products are locked by the caller. `limits` are the characters that the shop's columns hold.
    """
    product_ids = id_list(sorted({item.id for item in decided}))
    conn.execute(_sql("supersede"), {"product_ids": product_ids})
    newest = {item.id: item.batch_id for item in sorted(decided, key=lambda item: item.batch_id)}
    label_end = limits.get("predictions.suggested_category_label")
    type_end, source_end, value_end = (limits.get(f"evidence.{column}") for column in EVIDENCE_COLUMNS[1:4])
    predictions, evidence = [], []
    for prediction_id, (item, decision) in zip(_reserve_ids(conn, len(decided)), decided.items(), strict=True):
        predictions.append(
            (
                prediction_id,
                item.id,
                item.batch_id,
                decision.category_code,
                decision.category_label[:label_end],
                decision.confidence,
                decision.level,
                "pending" if newest[item.id] == item.batch_id else "superseded",
                model_version,
                _write_alternatives(decision, taxonomy),
                decision.unknown_share,
                decision.unknown_manufacturer,
            )
        )
        evidence += [
            (
                prediction_id,
                reason.source_type[:type_end],
                reason.source_label[:source_end],
                reason.value[:value_end],
                reason.weight,
            )
            for reason in decision.evidence
        ]
    copy_rows(conn, "predictions", PREDICTION_COLUMNS, predictions)
    copy_rows(conn, "evidence", EVIDENCE_COLUMNS, evidence)
    conn.execute(_sql("mark_predicted"), {"product_ids": product_ids})


def _write_alternatives(decision: Decision, taxonomy: Taxonomy) -> str | None:
    """As JSON; None where there is no other category worth naming."""
    if not decision.alternatives:
        return None
    found = [
        {"code": code, "label": taxonomy.label_of(code), "probability": probability}
        for code, probability in decision.alternatives
    ]
    return json.dumps(found, ensure_ascii=False)


def _reserve_ids(conn: Connection, count: int) -> list[int]:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_sql("reserve_ids"), {"count": count}).fetchall()


def read_text_limits(conn: Connection) -> dict[str, int]:
    """Characters that a column of predictions or evidence holds, by "table.column"; unlimited ones are not named."""
    return dict(conn.execute(_sql("read_text_limits")).fetchall())


def read_taxonomy(conn: Connection) -> Taxonomy:
    with conn.cursor(row_factory=class_row(Category)) as cursor:
        return Taxonomy(cursor.execute(_sql("read_categories")).fetchall())


def read_labelled(conn: Connection) -> Iterator[tuple[Product, str]]:
    """Every product with the category that people have decided on, in id order; streamed, in a transaction."""
    with conn.transaction(), conn.cursor("labelled", row_factory=class_row(Product)) as cursor:
        set_json_loads(read_json, cursor)
        cursor.itersize = 2000
        cursor.execute(_sql("read_labelled"))
        for product in cursor:
            if product.category_code is not None:
                yield product, product.category_code


def read_model_version(conn: Connection) -> int | None:
    """The version in use, or None when nothing was ever learned."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_sql("read_model_version")).fetchone()


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """The row of categorization_models that is in use, without what is large; `learned_at` is in seconds since 1970."""

    version: int
    learned_at: float
    products: int
    categories: int


def read_model_in_use(conn: Connection) -> ModelInUse | None:
    """None when nothing was ever learned."""
    with conn.cursor(row_factory=class_row(ModelInUse)) as cursor:
        return cursor.execute(_sql("read_model_in_use")).fetchone()


def read_model(conn: Connection, version: int) -> Model:
    """Raises ValueError when this version of catalogd cannot read it."""
    with conn.cursor(row_factory=scalar_row, binary=True) as cursor:
        content = cursor.execute(_sql("read_model"), {"version": version}).fetchone()
    if content is None:
        raise ValueError(f"model {version} is gone: run catalogd learn")
    return from_bytes(content)


def read_explained(conn: Connection, prediction_id: int) -> tuple[Explained, list[Evidence]] | None:
    """A prediction with its evidence, strongest first; None when there is no such prediction."""
    with conn.cursor(row_factory=class_row(Explained)) as cursor:
        set_json_loads(read_json, cursor)
        explained = cursor.execute(_sql("explain"), {"prediction_id": prediction_id}).fetchone()
    if explained is None:
        return None
    with conn.cursor(row_factory=class_row(Evidence)) as cursor:
        return explained, cursor.execute(_sql("explain_evidence"), {"prediction_id": prediction_id}).fetchall()
