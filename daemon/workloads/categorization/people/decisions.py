"""People's decisions on products, as signals for and against categories."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.bulk import id_list
from daemon.database.statements import statement
from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.product import Product

PACKAGE = "daemon.workloads.categorization.people"  # where the statements are

SOURCE_TYPE = "decision"
SOURCE_LABEL = "People's decision"
# Log-odds: a person has looked at this very product, so nothing that is read of it may outweigh them. On a real
# catalogue the lead of a category over the next was 12 for half of the products, and 27 at most.
FOR, AGAINST = 40.0, -40.0


@dataclass(frozen=True, slots=True)
class HumanDecision:
    """One row of `human_decisions`. `chosen` is what the product is, by this decision; None where it does not say.

    `predicted` is what had been predicted, and `is_right` whether that was right; both None without a prediction.
    """

    product_id: int
    prediction_id: int | None
    verdict: Literal["approved", "rejected", "recommended"]
    predicted: str | None
    chosen: str | None
    is_right: bool | None
    decided_at: datetime

    @property
    def refused(self) -> str | None:
        """The category that the product has not, by this decision."""
        return self.predicted if self.is_right is False else None


class Opinion(NamedTuple):
    """What holds of one product and category, and the decision that says so."""

    category_code: str
    is_for: bool
    decision: HumanDecision


def signals(conn: Connection, products: Sequence[Product]) -> list[Signal]:
    """What people decided on these products: one signal for each category that it speaks for or against.

    `Signal.row` is the position in `products`. What speaks against the category that the shop confirmed is left out.
    """
    parameters = {"product_ids": id_list(sorted({product.id for product in products}))}
    with conn.cursor(row_factory=class_row(HumanDecision)) as cursor:
        decided = cursor.execute(statement(PACKAGE, "read_decisions"), parameters).fetchall()
    if not decided:
        return []
    opinions = {id: list(weigh(group)) for id, group in groupby(decided, lambda decision: decision.product_id)}
    return [
        _signal(row, opinion)
        for row, product in enumerate(products)
        for opinion in opinions.get(product.id, ())
        if opinion.is_for or opinion.category_code != product.category_code
    ]


def weigh(decisions: Iterable[HumanDecision]) -> Iterator[Opinion]:
    """What holds after these decisions on one product, given in the order of their time; by category code.

    The newest that names a category counts, and the older ones that did no longer speak for theirs. A category speaks
    against itself from the time it was refused until one names it again.
    """
    named: HumanDecision | None = None
    refused: dict[str, HumanDecision] = {}
    for decision in decisions:
        if decision.refused is not None:
            refused[decision.refused] = decision
            if named is not None and named.chosen == decision.refused:
                named = None
        if decision.chosen is not None:
            named = decision
            refused.pop(decision.chosen, None)
    opinions = [Opinion(code, False, decision) for code, decision in refused.items()]
    if named is not None and named.chosen is not None:
        opinions.append(Opinion(named.chosen, True, named))
    yield from sorted(opinions, key=lambda opinion: opinion.category_code)


def _signal(row: int, opinion: Opinion) -> Signal:
    return Signal(
        row,
        opinion.category_code,
        FOR if opinion.is_for else AGAINST,
        SOURCE_TYPE,
        SOURCE_LABEL,
        _describe(opinion),
    )


def _describe(opinion: Opinion) -> str:
    decision = opinion.decision
    said: str = decision.verdict
    if decision.verdict == "recommended" and not opinion.is_for:
        said = "said to be wrong" if decision.chosen is None else "another one recommended"
    about = f" (prediction {decision.prediction_id})" if decision.prediction_id is not None else ""
    return f"{said} on {decision.decided_at:%Y-%m-%d}{about}"
