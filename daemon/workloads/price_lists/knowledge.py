"""What the matching knows: the catalogue and the score, made anew when they have changed."""

import threading
from dataclasses import dataclass
from time import monotonic

import structlog
from psycopg import Connection

from daemon.engine.workload import WorkloadUnavailable
from daemon.workloads.price_lists import store
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.scorer import Reviewed, Scorer, shipped_scorer

log = structlog.get_logger()

LOOK_EVERY_S = 30.0  # whether a product was added or changed, during one import; less often where reading takes long
LONGEST_SHARE = 0.1  # of the time that is given to reading
WAIT_S = 1.0  # for a thread that is reading: who waits does so in a transaction


@dataclass(frozen=True, slots=True)
class Knowledge:
    """As of one moment; shared by threads, changed by none."""

    catalogue: Catalogue
    scorer: Scorer


class CurrentKnowledge:
    """Looks whether the catalogue or the reviews have changed: for each import that it has not met, and now and then.

    The catalogue is held in memory, and read by one thread. The others go on with what was known before; where nothing
    was, they give their slice back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._knowledge: Knowledge | None = None
        self._stamps = ("", "")
        self._next_look = 0.0
        self._latest_import = -1

    def at(self, conn: Connection, import_id: int) -> Knowledge:
        """Raises WorkloadUnavailable while another thread reads the catalogue for the first time."""
        if not self._lock.acquire(timeout=WAIT_S):
            if (known := self._knowledge) is None:
                raise WorkloadUnavailable("the catalogue is being read")
            return known
        try:
            known = self._knowledge
            if known is None or import_id > self._latest_import or monotonic() > self._next_look:
                began = monotonic()
                known = self._knowledge = self._look(conn)
                self._next_look = monotonic() + max(LOOK_EVERY_S, (monotonic() - began) / LONGEST_SHARE)
                self._latest_import = max(self._latest_import, import_id)
            return known
        finally:
            self._lock.release()

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
        reviews = [Reviewed(features, answer) for answer, features in store.read_decided(conn)]
        if not reviews:
            return shipped_scorer()
        log.info("score.taught", candidates=len(reviews))
        return shipped_scorer().taught(reviews)
