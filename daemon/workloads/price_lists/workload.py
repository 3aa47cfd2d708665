"""Price lists: fetches what suppliers offer, and links each line to a product of the catalogue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from psycopg import Connection

from daemon.database.statements import load
from daemon.engine.workload import Duty, Ended, Hold, Item, Outcome
from daemon.settings import Settings
from daemon.workloads.price_lists import store
from daemon.workloads.price_lists.courier.courier import build_courier
from daemon.workloads.price_lists.duties import build_duties
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.kind import KIND
from daemon.workloads.price_lists.knowledge import CurrentKnowledge
from daemon.workloads.price_lists.offers import Key, MatchStatus, ReadLine, Verdict
from daemon.workloads.price_lists.order import TABLE
from daemon.workloads.price_lists.preparation import Preparation
from daemon.workloads.price_lists.settings import PriceListSettings, read_price_list_settings
from daemon.workloads.price_lists.verdicts import Offer, decide


class PriceLists:
    """Implements the engine's Workload."""

    name = KIND.name
    table = TABLE

    def __init__(self, settings: PriceListSettings) -> None:
        load(store.PACKAGE)
        self.workers = settings.workers
        self.preparers = settings.fetchers
        shelf = Shelf(settings.folder)
        self._preparation = Preparation(shelf, settings.limits, build_courier(settings, shelf))
        self._duties = build_duties(settings, shelf)
        self._current = CurrentKnowledge()

    def prepare(self, hold: Hold) -> timedelta | None:
        return self._preparation.step(hold)

    def process(self, conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        """One item of a supplier for each line that can be used."""
        suppliers = store.read_suppliers(conn, (item.batch_id for item in items))
        lines = {line.item: line for line in store.read_lines(conn, items)}
        offers = [
            Offer(line, Key(suppliers[line.import_id], line.item_key))
            for line in lines.values()
            if line.import_id in suppliers and line.item_key is not None
        ]
        if offers:
            self._match(conn, offers)
        return [_outcome(item, lines.get(item), item.batch_id in suppliers) for item in items]

    def _match(self, conn: Connection, offers: Sequence[Offer]) -> None:
        known = store.read_items(conn, [offer.key for offer in offers])
        knowledge = self._current.at(conn, max(offer.line.import_id for offer in offers))
        verdicts = decide(offers, known, knowledge, lambda wanted: store.read_taken(conn, wanted))
        products = {verdict.product_id for verdict in verdicts} | {item.product_id for item in known.values()}
        there = store.lock_products(conn, (product for product in products if product is not None))
        fresh = store.lock_items(conn, (item.id for item in known.values()))
        verdicts = [_as_people_said(verdict, fresh.get(verdict.key)) for verdict in verdicts]
        verdicts = [_if_there(verdict, there) for verdict in verdicts]
        drafts = store.find_drafts(conn, [verdict for verdict in verdicts if verdict.status is MatchStatus.DRAFT])
        verdicts = [_with_draft(verdict, drafts.get(verdict.line.item)) for verdict in verdicts]
        written = store.write_items(conn, verdicts)
        store.write_reviews(conn, verdicts, written)
        if left := [row.draft_left for row in written if row.draft_left is not None]:
            store.drop_drafts(conn, left)
        changed = (row for row in written if row.is_changed)
        touched = {
            product for row in changed for product in (row.product_id, row.product_before) if product is not None
        }
        if touched:
            store.refresh_offers(conn, touched)

    def ended(self, conn: Connection, batches: Sequence[Ended]) -> None:
        """Nothing: what follows from a line is in the commit of its slice."""

    def duties(self) -> Sequence[Duty]:
        return self._duties


def _outcome(item: Item, line: ReadLine | None, has_supplier: bool) -> Outcome:
    if not has_supplier:
        return Outcome.failed(item, "supplier_gone", "the supplier of this import no longer exists")
    if line is None:
        return Outcome.failed(item, "line_gone", "the line is not among those that were read")
    if line.error is not None:
        details = {key: line.error[key] for key in ("column", "value") if line.error.get(key) is not None}
        return Outcome.failed(item, str(line.error.get("code")), str(line.error.get("reason")), details or None)
    return Outcome.done(item)


def _as_people_said(verdict: Verdict, fresh: store.Fresh | None) -> Verdict:
    """What a person decided since the items were read holds, while there is such a product."""
    if fresh is None or fresh.match_status != MatchStatus.CONFIRMED or fresh.product_id is None:
        return verdict
    return replace(verdict, status=MatchStatus.CONFIRMED, product_id=fresh.product_id)


def _if_there(verdict: Verdict, there: set[int]) -> Verdict:
    """A product that was deleted since the catalogue was read is no match."""
    if verdict.product_id is None or verdict.product_id in there or verdict.status is MatchStatus.CONFIRMED:
        return verdict
    return replace(verdict, status=MatchStatus.DRAFT, product_id=None, score=0.0, reasons=(), candidates=())


def _with_draft(verdict: Verdict, draft: store.Draft | None) -> Verdict:
    """A draft that was made into a product is that product."""
    if draft is None:
        return verdict
    if draft.product_id is not None:
        return replace(verdict, status=MatchStatus.CONFIRMED, product_id=draft.product_id, draft_id=draft.id)
    return replace(verdict, draft_id=draft.id)


def build_price_lists(settings: Settings) -> PriceLists:
    return PriceLists(read_price_list_settings())
