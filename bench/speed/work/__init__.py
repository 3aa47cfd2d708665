"""The work that every competitor does: the same rows for each product. Needs nothing but psycopg.

The statements have numbered parameters ($1), so that clients in any language can use them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from psycopg import AsyncConnection, AsyncRawCursor

MODEL_VERSION = 1
PREDICTION_COLUMNS = (
    "id, product_id, batch_id, suggested_category_code, suggested_category_label, confidence_score, confidence_level,"
    " status, model_version"
)
EVIDENCE_COLUMNS = "prediction_id, source_type, source_label, evidence_value, weight"


@dataclass(frozen=True, slots=True)
class Decision:
    """The trivial decision: the same for every product."""

    code: str
    label: str
    confidence: float
    level: str
    evidence: Sequence[tuple[str, str, str, float]]  # type, label, value, weight


@cache
def trivial_decision() -> Decision:
    found = json.loads(Path(__file__).with_name("decision.json").read_text(encoding="utf-8"))
    return Decision(**found | {"evidence": tuple(tuple(reason) for reason in found["evidence"])})


@cache
def statement(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


def prediction_lines(ids: Iterable[int], product_ids: Iterable[int], batch_id: int) -> str:
    """Rows for COPY of PREDICTION_COLUMNS. Nothing in the trivial decision needs escaping."""
    decision = trivial_decision()
    rest = (
        f"{batch_id}\t{decision.code}\t{decision.label}\t{decision.confidence}\t{decision.level}"
        f"\tpending\t{MODEL_VERSION}\n"
    )
    return "".join([f"{id}\t{product_id}\t{rest}" for id, product_id in zip(ids, product_ids, strict=True)])


def evidence_lines(ids: Iterable[int]) -> str:
    """Rows for COPY of EVIDENCE_COLUMNS."""
    reasons = ["\t".join(map(str, reason)) + "\n" for reason in trivial_decision().evidence]
    return "".join([f"{id}\t{reason}" for id in ids for reason in reasons])


async def treat(conn: AsyncConnection, batch_id: int, product_ids: Sequence[int]) -> None:
    """One job of a peer. One product: a read and one statement that writes all. Several: a transaction with COPY."""
    cursor = AsyncRawCursor(conn)
    if len(product_ids) == 1:
        await _treat_one(cursor, batch_id, product_ids[0])
    else:
        async with conn.transaction():
            await _treat_many(cursor, batch_id, product_ids)


async def _treat_one(cursor: AsyncRawCursor, batch_id: int, product_id: int) -> None:
    await cursor.execute(statement("read"), ([product_id],))
    await cursor.fetchall()
    decision = trivial_decision()
    values = (decision.code, decision.label, decision.confidence, decision.level)
    reasons = [list(column) for column in zip(*decision.evidence, strict=True)]
    await cursor.execute(statement("treat_one"), (batch_id, product_id, *values, MODEL_VERSION, *reasons))


async def _treat_many(cursor: AsyncRawCursor, batch_id: int, product_ids: Sequence[int]) -> None:
    await cursor.execute(statement("lock"), (list(product_ids),))
    await cursor.execute(statement("read"), (list(product_ids),))
    products = [row[0] for row in await cursor.fetchall()]
    await cursor.execute(statement("supersede"), (products,))
    await cursor.execute(statement("reserve"), (len(products),))
    ids = [row[0] for row in await cursor.fetchall()]
    async with cursor.copy(f"COPY predictions ({PREDICTION_COLUMNS}) FROM STDIN") as copy:
        await copy.write(prediction_lines(ids, products, batch_id))
    async with cursor.copy(f"COPY evidence ({EVIDENCE_COLUMNS}) FROM STDIN") as copy:
        await copy.write(evidence_lines(ids))
    await cursor.execute(statement("mark"), (products,))
    await cursor.execute(statement("count"), (batch_id, len(products)))
