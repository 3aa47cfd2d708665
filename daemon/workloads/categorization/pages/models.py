"""The models, and how right the predictions proved to be: what was said, and what people found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock
from time import monotonic
from typing import NamedTuple, TypeVar

from psycopg import Connection
from psycopg.rows import args_row

from daemon.database.statements import statement
from daemon.workloads.categorization.intervals import wilson
from daemon.workloads.categorization.pages.decisions import PACKAGE
from daemon.workloads.categorization.people.lived import MODELS, WEEKS, ModelOfLevel, WeekOfLevel
from daemon.workloads.categorization.versions.store import Version, list_versions
from daemon.workloads.pages import Query, Section

LASTS_S = 60.0  # so long what people found is shown as it was read: it takes a look at every decision
LEVELS = ("high", "medium", "low")
EDGES = (
    10.0,
    50.0,
    60.0,
    70.0,
    80.0,
    85.0,
    90.0,
    95.0,
    98.0,
    100.01,
)  # of confidence: narrow where the predictions are

Figures = tuple[int, int, float, float, float]  # decided, correct, the share of these and its interval
Pair = TypeVar("Pair", bound=tuple[date | int | None, str | None])


class Found(NamedTuple):
    """Decisions on predictions of one week, level, model and bucket; `said` is the sum of their confidences."""

    week: date
    level: str | None
    model_version: int | None
    bucket: int | None
    decided: int
    correct: int
    said: float


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
    """The last WEEKS and MODELS with decisions, the oldest first, as the views lived_precision tell them."""
    with conn.cursor(row_factory=args_row(Found)) as cursor:
        found = cursor.execute(statement(PACKAGE, "read_found"), {"edges": list(EDGES)}).fetchall()
    by_week = _sum(found, lambda it: (it.week, it.level))
    by_model = _sum(found, lambda it: (it.model_version, it.level))
    weeks = sorted({week for week, _ in by_week})[-WEEKS:]
    models = sorted({model or 0 for model, _ in by_model})[-MODELS:]
    return Lived(
        reliability(found),
        [
            WeekOfLevel(week, level, *figures)
            for (week, level), figures in sorted(by_week.items(), key=_order)
            if week in weeks
        ],
        [
            ModelOfLevel(model, level, *figures)
            for (model, level), figures in sorted(by_model.items(), key=_order)
            if (model or 0) in models
        ],
        sum(each.decided for each in found),
        sum(each.correct for each in found),
    )


def reliability(found: Sequence[Found]) -> list[Point]:
    """What was said on the average, and the share that was right, of the predictions between two edges."""
    points = []
    for bucket in range(1, len(EDGES)):
        inside = [each for each in found if each.bucket == bucket]
        decided, correct = sum(each.decided for each in inside), sum(each.correct for each in inside)
        if decided:
            said = sum(each.said for each in inside) / decided / 100
            points.append(Point(said, correct / decided, *wilson(correct, decided), decided))
    return points


def _sum(found: Sequence[Found], pair_of: Callable[[Found], Pair]) -> dict[Pair, Figures]:
    sums: dict[Pair, tuple[int, int]] = {}
    for each in found:
        decided, correct = sums.get(pair_of(each), (0, 0))
        sums[pair_of(each)] = decided + each.decided, correct + each.correct
    return {
        pair: (decided, correct, correct / decided, *wilson(correct, decided))
        for pair, (decided, correct) in sums.items()
    }


def _order(item: tuple[tuple[date | int | None, str | None], object]) -> tuple[date | int, int]:
    (first, level), _ = item
    return first or 0, LEVELS.index(level) if level in LEVELS else len(LEVELS)


def judged(version: Version) -> Mapping[str, object]:
    """Its figures on the products that were held out, if they were kept."""
    found = version.report.get("judged")
    return found if isinstance(found, Mapping) else {}


def objection(version: Version) -> str:
    """Why it was kept back; nothing where it was not."""
    promotion = version.report.get("promotion")
    return str(promotion.get("why") or "") if version.state == "kept back" and isinstance(promotion, Mapping) else ""
