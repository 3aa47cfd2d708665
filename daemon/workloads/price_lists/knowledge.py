"""What the matching knows: the catalogue and the score, made anew when they have changed."""

import threading
from dataclasses import dataclass
from time import monotonic

import structlog
from psycopg import Connection

from daemon.workloads.price_lists import store
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.scorer import Reviewed, Scorer, shipped_scorer

log = structlog.get_logger()

LOOK_EVERY_S = 30.0  # whether a product was added or changed, during one import


@dataclass(frozen=True, slots=True)
class Knowledge:
    """As of one moment; shared by threads, changed by none."""

    catalogue: Catalogue
    scorer: Scorer


class CurrentKnowledge:
    """Looks whether the catalogue or the reviews have changed: for each import that it has not met, and now and then.

    The catalogue is held in memory, and read by one thread while the others wait for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._knowledge: Knowledge | None = None
        self._stamps = ("", "")
        self._looked_at = 0.0
        self._latest_import = -1

    def at(self, conn: Connection, import_id: int) -> Knowledge:
        with self._lock:
            is_new = import_id > self._latest_import
            if self._knowledge is None or is_new or monotonic() - self._looked_at > LOOK_EVERY_S:
                self._knowledge = self._look(conn)
                self._looked_at = monotonic()
                self._latest_import = max(self._latest_import, import_id)
            return self._knowledge

    def _look(self, conn: Connection) -> Knowledge:
        stamps = store.stamp(conn, "catalogue"), store.stamp(conn, "reviews")
        known, before = self._knowledge, self._stamps
        catalogue = known.catalogue if known is not None and stamps[0] == before[0] else self._read_catalogue(conn)
        scorer = known.scorer if known is not None and stamps[1] == before[1] else self._learn(conn)
        self._stamps = stamps
        return Knowledge(catalogue, scorer)

    def _read_catalogue(self, conn: Connection) -> Catalogue:
        began = monotonic()
        catalogue = Catalogue(store.read_catalogue(conn))
        log.info("catalogue.read", products=len(catalogue), duration_ms=round((monotonic() - began) * 1000, 1))
        return catalogue

    def _learn(self, conn: Connection) -> Scorer:
        reviews = [Reviewed(features, is_same) for is_same, features in store.read_decided(conn)]
        if not reviews:
            return shipped_scorer()
        log.info("score.taught", candidates=len(reviews))
        return shipped_scorer().taught(reviews)
