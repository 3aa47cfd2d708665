"""Has an invented supplier's price lists imported, and reads what became of them: with SQL alone, as PHP does."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import class_row

from daemon.database.statements import statement
from daemon.demo import supplier
from daemon.demo.catalogue import SampleProduct
from daemon.demo.following import follow
from daemon.demo.running import DaemonFailed, RunningDaemon
from daemon.demo.screen import Screen
from daemon.demo.supplier import PriceList
from daemon.workloads.price_lists.kind import KIND
from daemon.workloads.price_lists.ordering import NewImport, order_import
from daemon.workloads.price_lists.result import ErrorCount, Result, count_errors, read_progress, read_result
from daemon.workloads.registry import REGISTRY

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the lines of a list were said to be, and how many of these are truly so."""

    linked: int
    linked_right: int  # linked with the product that the supplier truly sells
    review: int
    review_first: int  # the first candidate is that product
    review_among: int  # one of the candidates is
    draft: int
    draft_right: int  # the shop truly has none


@dataclass(frozen=True, slots=True)
class OfferExample:
    """An item with the product that it is, or might be. `kind`: linked, review, or vetoed; of a vetoed one that became
    a draft the product is None."""

    kind: str
    sku: str
    name: str
    status: str
    score: Decimal
    reasons: Any  # as JSON
    product: str | None  # the shop's sku
    product_name: str | None


@dataclass(frozen=True, slots=True)
class PriceChange:
    """The price of an item before and after the second list, and the best offer for its product since."""

    sku: str
    product: str
    before: Decimal
    after: Decimal
    currency: str
    minimum_price: Decimal


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What is told of both lists at the end."""

    first: Result
    second: Result
    errors: Sequence[ErrorCount]  # of the first
    verdicts: Verdicts
    examples: Sequence[OfferExample]
    change: PriceChange | None


@dataclass(frozen=True, slots=True)
class _Item:
    sku: str
    status: str
    product: str | None
    candidates: Sequence[str]


def can_import() -> bool:
    """Whether the libraries for price lists are installed."""
    return all(entry.is_installed for entry in REGISTRY if entry.name == KIND.name)


def import_lists(
    conn: Connection,
    running: RunningDaemon,
    shop: Sequence[SampleProduct],
    others: Sequence[SampleProduct],
    screen: Screen,
) -> ImportReport:
    """A list, and a moment later the next. `others` are products that the shop has not."""
    first = supplier.write_first(shop, others)
    second = supplier.write_second(first)
    screen.say("  INSERT INTO supplier_imports: a supplier's price list, in its own words")
    one = _import(conn, running, first, "first list", screen)
    verdicts = judge(conn, first)
    examples = _read(conn, OfferExample, "choose_offers")
    two = _import(conn, running, second, "next list", screen)
    screen.say()
    changes = _read(conn, PriceChange, "choose_change", import_id=two.id)
    return ImportReport(one, two, count_errors(conn, one.id), verdicts, examples, changes[0] if changes else None)


def _import(conn: Connection, running: RunningDaemon, price_list: PriceList, name: str, screen: Screen) -> Result:
    running.incoming.mkdir(parents=True, exist_ok=True)
    file = running.incoming / supplier.FILE
    file.write_bytes(price_list.write())
    import_id = order_import(conn, NewImport(supplier.NAME, "csv", str(file)))
    lines = len(price_list.offers) + len(price_list.wrong)
    with screen.progress(name, name, lines, unit="lines") as bar:

        def read_stand() -> Any:
            return read_progress(conn, import_id)

        follow(f"import {import_id}", read_stand, running, bar)
    result = read_result(conn, import_id)
    if result is None:
        raise DaemonFailed(f"import {import_id} is gone")
    return result


def judge(conn: Connection, price_list: PriceList) -> Verdicts:
    """Hold what is said of the list's items against what is true of them."""
    truth = {offer.sku: offer.product for offer in price_list.offers}
    items = _read(conn, _Item, "read_offers")
    linked = [item for item in items if item.status == "linked"]
    review = [item for item in items if item.status == "review"]
    draft = [item for item in items if item.status == "draft"]
    return Verdicts(
        linked=len(linked),
        linked_right=sum(item.product == truth[item.sku] for item in linked),
        review=len(review),
        review_first=sum(item.candidates[:1] == [truth[item.sku]] for item in review),
        review_among=sum(truth[item.sku] in item.candidates for item in review),
        draft=len(draft),
        draft_right=sum(truth[item.sku] is None for item in draft),
    )


def _read(conn: Connection, kind: type[T], name: str, **parameters: object) -> list[T]:
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement("daemon.demo", name), parameters).fetchall()
