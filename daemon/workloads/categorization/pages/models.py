"""The models, and how right the predictions proved to be: what was said, and what people found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from time import monotonic

from psycopg import Connection

from daemon.workloads.categorization.intervals import wilson
from daemon.workloads.categorization.people.lived import (
    ModelOfLevel,
    WeekOfLevel,
    read_models,
    read_tallies,
    read_weeks,
)
from daemon.workloads.categorization.people.precision import Tally
from daemon.workloads.categorization.versions.store import Version, list_versions
from daemon.workloads.pages import Query, Section

LASTS_S = 30.0  # so long what people found is shown as it was read: it takes a look at every decision
EDGES = (10, 50, 60, 70, 80, 85, 90, 95, 98, 100.01)  # of confidence: narrow where the predictions are


@dataclass(frozen=True, slots=True)
class Point:
    """Decisions on predictions of about one confidence; all but the number are in [0, 1]."""

    said: float
    right: float
    low: float
    high: float
    decided: int


@dataclass(frozen=True, slots=True)
class Lived:
    """What people found."""

    points: Sequence[Point]
    weeks: Sequence[WeekOfLevel]
    models: Sequence[ModelOfLevel]
    decided: int
    correct: int


class ModelsPage:
    """The view; it keeps what it read last of the decisions, for everybody who looks within a while."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[float, Lived] | None = None

    def show(self, conn: Connection, _query: Query) -> Section:
        versions = [(version, judged(version), objection(version)) for version in reversed(list_versions(conn))]
        return Section("categorization/models.html", {"versions": versions, "lived": self._read(conn)})

    def _read(self, conn: Connection) -> Lived:
        with self._lock:
            if self._kept is None or monotonic() - self._kept[0] > LASTS_S:
                self._kept = monotonic(), read_lived(conn)
            return self._kept[1]


def read_lived(conn: Connection) -> Lived:
    tallies = read_tallies(conn)
    decided, correct = sum(tally.decided for tally in tallies), sum(tally.correct for tally in tallies)
    return Lived(reliability(tallies), read_weeks(conn), read_models(conn), decided, correct)


def reliability(tallies: Sequence[Tally]) -> list[Point]:
    """What was said on the average, and the share that was right, of the predictions between two edges."""
    points = []
    for low, high in pairwise(EDGES):
        inside = [tally for tally in tallies if low <= tally.confidence < high]
        decided, correct = sum(tally.decided for tally in inside), sum(tally.correct for tally in inside)
        if decided:
            said = sum(tally.confidence * tally.decided for tally in inside) / decided / 100
            points.append(Point(said, correct / decided, *wilson(correct, decided), decided))
    return points


def judged(version: Version) -> Mapping[str, object]:
    """Its figures on the products that were held out, if they were kept."""
    found = version.report.get("judged")
    return found if isinstance(found, Mapping) else {}


def objection(version: Version) -> str:
    """Why it was kept back; nothing where it was not."""
    promotion = version.report.get("promotion")
    return str(promotion.get("why") or "") if version.state == "kept back" and isinstance(promotion, Mapping) else ""
