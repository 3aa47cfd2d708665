"""Categorization: suggests a category for each product of a batch, with the evidence for it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from psycopg import Connection

from daemon.database.statements import load
from daemon.engine.workload import Duty, Ended, Figure, Hold, Item, Outcome
from daemon.errors import ConfigurationError
from daemon.settings import Settings
from daemon.workloads.categorization import store
from daemon.workloads.categorization.decision import NO_CATEGORY, decide
from daemon.workloads.categorization.drift.store import write_observations
from daemon.workloads.categorization.drift.telling import tell_drifted
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.signal import Signal
from daemon.workloads.categorization.figures import read_figures
from daemon.workloads.categorization.kind import KIND, TABLE
from daemon.workloads.categorization.knowledge import CurrentKnowledge
from daemon.workloads.categorization.people import decisions as people
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.rules import matching as rules
from daemon.workloads.categorization.rules.current import CurrentRules
from daemon.workloads.categorization.taxonomy import Taxonomy
from daemon.workloads.categorization.versions.duty import learning_duty


class Categorization:
    """Implements the engine's Workload. Predictions at or above `threshold` are of level "high". Where it `learns`, it
    does so by itself when enough has changed."""

    name = KIND.name
    table = TABLE
    preparers = 0

    def __init__(
        self, threshold: float, silent: frozenset[str] = frozenset(), *, learns: bool = False, workers: int = 2
    ) -> None:
        """The sources of evidence named in `silent` are not heard."""
        load("daemon.workloads.categorization")
        load(people.PACKAGE)
        load("daemon.workloads.categorization.rules")
        load("daemon.workloads.categorization.drift")
        self.workers = workers
        self._threshold = threshold
        self._silent = silent
        self._duties = [learning_duty()] if learns else []
        self._current = CurrentKnowledge()
        self._rules = CurrentRules()

    def prepare(self, hold: Hold) -> timedelta | None:
        """A batch of products comes ready."""

    def process(self, conn: Connection, items: Sequence[Item]) -> Sequence[Outcome]:
        """One prediction for each product that the shop has; a product that it has not is an item error."""
        knowledge = self._current.at(conn)
        product_ids = sorted({item.id for item in items})
        store.lock_products(conn, product_ids)
        products = store.read_products(conn, product_ids)
        predicted = store.read_predicted(conn, items)
        todo = [item for item in items if item.id in products and item not in predicted]
        asked = [products[item.id] for item in todo]
        signals = self._hear(conn, knowledge.taxonomy, asked)
        decisions = decide(
            knowledge.model, knowledge.taxonomy, asked, self._threshold, signals=signals, silent=self._silent
        )
        decided = {
            item: decision
            for item, decision in zip(todo, decisions, strict=True)
            if decision.category_code != NO_CATEGORY
        }
        if decided:
            store.write_predictions(conn, decided, knowledge.taxonomy, knowledge.version, knowledge.text_limits)
            write_observations(conn, decided, knowledge.version)
        done = decided.keys() | predicted
        return [
            Outcome.done(item)
            if item in done
            else Outcome.failed(item, "no_category", "the shop has no category to choose from")
            if item.id in products
            else Outcome.failed(item, "unknown_product", "the shop has no product with this id")
            for item in items
        ]

    def _hear(self, conn: Connection, taxonomy: Taxonomy, products: Sequence[Product]) -> list[Signal]:
        """What speaks for and against categories beside the model."""
        signals: list[Signal] = []
        if people.SOURCE_TYPE not in self._silent:
            signals += people.signals(conn, products)
        if rules.SOURCE_TYPE not in self._silent:
            signals += self._rules.signals(conn, taxonomy, products)
        return signals

    def ended(self, conn: Connection, batches: Sequence[Ended]) -> None:
        """Tell of batches that are unlike what was learned from."""
        tell_drifted(conn, batches)

    def duties(self) -> Sequence[Duty]:
        return self._duties

    def figures(self, conn: Connection) -> Iterable[Figure]:
        """The model in use, and how right it proved to be."""
        return read_figures(conn)


def build_categorization(settings: Settings) -> Categorization:
    """Raises ConfigurationError for a source of evidence that is not there."""
    check_silent(settings.silent)
    return Categorization(settings.threshold, settings.silent, learns=settings.learn == "on", workers=settings.workers)


def check_silent(silent: frozenset[str]) -> None:
    """Raises ConfigurationError for a source of evidence that is not there."""
    known = [*(source.name for source in SOURCES), people.SOURCE_TYPE, rules.SOURCE_TYPE]
    if strange := sorted(silent.difference(known)):
        raise ConfigurationError(
            f"CATALOGD_WITHOUT_SOURCES: there is no source named {strange[0]}; there are {', '.join(known)}"
        )
