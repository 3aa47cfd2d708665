"""What the deciding needs of the database, kept in memory and renewed when it is out of date."""

import gc
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import structlog
from psycopg import Connection

from daemon.engine.workload import WorkloadUnavailable
from daemon.workloads.categorization import store
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.taxonomy import Taxonomy

log = structlog.get_logger()

TAXONOMY_AGE = timedelta(seconds=30)  # categories may be renamed without anything being learned


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One consistent state. `version` is None while nothing was learned."""

    version: int | None
    model: Model
    taxonomy: Taxonomy
    text_limits: Mapping[str, int]
    read_at: float


class CurrentKnowledge:
    """Shared by the worker threads; one of them renews, the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._knowledge: Knowledge | None = None

    def at(self, conn: Connection) -> Knowledge:
        """The newest knowledge. Raises WorkloadUnavailable when this version cannot read the newest model."""
        version = store.read_model_version(conn)
        with self._lock:
            known = self._knowledge
            if known is None or version != known.version or monotonic() - known.read_at > TAXONOMY_AGE.total_seconds():
                known = self._knowledge = self._renew(conn, version, known)
            return known

    def _renew(self, conn: Connection, version: int | None, known: Knowledge | None) -> Knowledge:
        taxonomy = store.read_taxonomy(conn)
        if version is None:
            model = Model.untaught(taxonomy)
        elif known is not None and known.version == version:
            model = known.model
        else:
            try:
                model = store.read_model(conn, version)
                gc.unfreeze()
                gc.collect()
                gc.freeze()  # most of what is there now stays: no collection need look at the model's features again
            except ValueError as error:
                raise WorkloadUnavailable(f"model {version} cannot be used: {error}; run: catalogd learn") from error
        if known is None or known.version != version:
            if version is None:
                log.warning("model.missing", hint="nothing was learned yet: run catalogd learn")
            else:
                log.info("model.loaded", version=version, categories=len(model.categories))
        return Knowledge(version, model, taxonomy, store.read_text_limits(conn), monotonic())
