"""Price lists: fetches what suppliers offer, and links each line to a product of the catalogue."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

from psycopg import Connection
from psycopg.errors import SerializationFailure

from daemon.database.statements import load
from daemon.engine.workload import Duty, Ended, Figure, Hold, Item, Outcome
from daemon.settings import Settings
from daemon.workloads.price_lists import store
from daemon.workloads.price_lists.courier.courier import build_courier
from daemon.workloads.price_lists.duties import build_duties
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.kind import KIND
from daemon.workloads.price_lists.knowledge import CurrentKnowledge, Knowledge
from daemon.workloads.price_lists.offers import Key, KnownItem, MatchStatus, ReadLine, Verdict
from daemon.workloads.price_lists.order import TABLE
from daemon.workloads.price_lists.preparation import Preparation
from daemon.workloads.price_lists.settings import PriceListSettings, read_price_list_settings
from daemon.workloads.price_lists.verdicts import Offer, decide

TRIES = 5  # of lines whose items, products or drafts are changed each time between the decision and the locks


class Moved(Exception):
    """What was decided on was changed by others before it was locked."""


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
        """Decide and write; once more from the beginning where the decision was overtaken."""
        knowledge = self._current.at(conn, max(offer.line.import_id for offer in offers))
        for _ in range(TRIES):
            with suppress(Moved), conn.transaction():  # what was locked in vain is let go
                verdicts, known = _decide_and_lock(conn, offers, knowledge)
                _write(conn, verdicts, known)
                return
        raise SerializationFailure("people or other slices keep changing what this slice is about")

    def ended(self, conn: Connection, batches: Sequence[Ended]) -> None:
        """Nothing: what follows from a line is in the commit of its slice."""

    def duties(self) -> Sequence[Duty]:
        return self._duties

    def figures(self, conn: Connection) -> Iterable[Figure]:
        """What waits for people."""
        waiting = store.count_reviews(conn)
        yield Figure("match_reviews", "Matches that wait for people's decision.", waiting)


def _outcome(item: Item, line: ReadLine | None, has_supplier: bool) -> Outcome:
    if not has_supplier:
        return Outcome.failed(item, "supplier_gone", "the supplier of this import no longer exists")
    if line is None:
        return Outcome.failed(item, "line_gone", "the line is not among those that were read")
    if line.error is not None:
        details = {key: line.error[key] for key in ("column", "value") if line.error.get(key) is not None}
        return Outcome.failed(item, str(line.error.get("code")), str(line.error.get("reason")), details or None)
    return Outcome.done(item)


def _decide_and_lock(
    conn: Connection, offers: Sequence[Offer], knowledge: Knowledge
) -> tuple[list[Verdict], Mapping[Key, KnownItem]]:
    """Verdicts on items that are as they were decided on and stay so, with every product that they concern. Locks
    products, then drafts, then items, each in order. Raises Moved."""
    keys = [offer.key for offer in offers]
    known = store.read_items(conn, keys)
    verdicts = decide(offers, known, knowledge, partial(store.read_taken, conn))
    products = {verdict.product_id for verdict in verdicts} | {item.product_id for item in known.values()}
    products |= store.read_accepted(conn, [each for each in verdicts if each.status is not MatchStatus.CONFIRMED])
    there = store.lock_products(conn, (product for product in products if product is not None))
    verdicts = [_if_there(verdict, there) for verdict in verdicts]
    drafts = store.find_drafts(conn, [verdict for verdict in verdicts if verdict.status is MatchStatus.DRAFT])
    verdicts = [_with_draft(verdict, drafts) for verdict in verdicts]
    store.lock_items(conn, keys)
    if (
        store.read_items(conn, keys) != known
        or any(verdict.product_id not in there for verdict in verdicts if verdict.product_id is not None)
        or _are_taken(conn, verdicts, known)
    ):
        raise Moved
    return verdicts, known


def _are_taken(conn: Connection, verdicts: Sequence[Verdict], known: Mapping[Key, KnownItem]) -> bool:
    """Whether other items of the suppliers were linked meanwhile to products that are to be linked now."""
    wanted = {
        (verdict.key.supplier_id, verdict.product_id)
        for verdict in verdicts
        if verdict.status is MatchStatus.LINKED and verdict.product_id is not None
        if verdict.key not in known or known[verdict.key].product_id != verdict.product_id
    }
    taken = store.read_taken(conn, sorted(wanted)) if wanted else {}
    keys = {verdict.key for verdict in verdicts}
    return any(Key(supplier_id, key) not in keys for (supplier_id, _), theirs in taken.items() for key in theirs)


def _write(conn: Connection, verdicts: Sequence[Verdict], known: Mapping[Key, KnownItem]) -> None:
    """What the verdicts say, and what follows from it. Raises Moved."""
    written = store.write_items(conn, verdicts)
    if any(row.was_unseen for row in written):
        raise Moved
    store.write_reviews(conn, verdicts, written)
    drafts = {verdict.draft_id for verdict in verdicts} | {item.draft_id for item in known.values()}
    store.drop_drafts(conn, (draft for draft in drafts if draft is not None))
    changed = (row for row in written if row.is_changed)
    touched = {product for row in changed for product in (row.product_id, row.product_before) if product is not None}
    if touched:
        store.refresh_offers(conn, touched)


def _if_there(verdict: Verdict, there: set[int]) -> Verdict:
    """A product that was deleted since the catalogue was read is no match."""
    if verdict.product_id is None or verdict.product_id in there or verdict.status is MatchStatus.CONFIRMED:
        return verdict
    return replace(verdict, status=MatchStatus.DRAFT, product_id=None, score=0.0, reasons=(), candidates=())


def _with_draft(verdict: Verdict, drafts: Mapping[Item, store.Draft | None]) -> Verdict:
    """A draft that was made into a product is that product. Raises Moved: one that was there has been dropped."""
    if verdict.line.item not in drafts:
        return verdict
    draft = drafts[verdict.line.item]
    if draft is None:
        raise Moved
    if draft.product_id is not None:
        return replace(verdict, status=MatchStatus.CONFIRMED, product_id=draft.product_id, draft_id=draft.id)
    return replace(verdict, draft_id=draft.id)


def build_price_lists(settings: Settings) -> PriceLists:
    return PriceLists(read_price_list_settings())
