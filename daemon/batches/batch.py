"""A batch as people see it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from daemon.engine.status import BatchStatus
from daemon.workloads.kind import Kind, Sight

LARGEST_ID = 2**63 - 1
OPEN: Sequence[str] = (BatchStatus.PENDING, BatchStatus.PROCESSING)
RETRIES = 2  # the third time a batch is refused
AGES = ("created_s_ago", "completed_s_ago")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's row without its items; durations in seconds, None before what they measure began."""

    id: int
    status: str
    total: int
    processed: int
    success: int
    errors: int
    retry_count: int
    created_by: int | None
    created_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    error_message: str | None
    created_s_ago: float | None
    completed_s_ago: float | None
    wait_s: float | None  # of one that was set back nobody knows it: it has waited for whoever did so
    run_s: float | None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def items_per_s(self) -> float | None:
        """On average since it was started. Of a batch that was set back nobody knows it: what was done before counts as
        done, and how much that was is written nowhere."""
        if self.retry_count or not self.run_s or self.status == BatchStatus.PENDING:
            return None
        return self.processed / self.run_s

    @property
    def left_s(self) -> float | None:
        """How long it will take if it goes on as so far; None where nobody can tell."""
        return self.left_at(self.items_per_s)

    def left_at(self, items_per_s: float | None) -> float | None:
        """The same for another rate."""
        if self.status != BatchStatus.PROCESSING or not items_per_s:
            return None
        return max(self.total - self.processed, 0) / items_per_s

    @property
    def done(self) -> float:
        """The share that was treated, from 0 to 1."""
        if self.total:
            return min(self.processed / self.total, 1.0)
        return 1.0 if self.status == BatchStatus.COMPLETED else 0.0

    @property
    def may_be_retried(self) -> bool:
        if self.is_open or self.retry_count >= RETRIES:
            return False
        return self.success < self.total or self.status == BatchStatus.FAILED


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch with its kind of work, and what that says of it."""

    kind: Kind
    batch: Batch
    sight: Sight

    @property
    def key(self) -> tuple[str, int]:
        return self.kind.name, self.batch.id

    @property
    def as_json(self) -> dict[str, object]:
        told = {key: value for key, value in asdict(self.batch).items() if key not in AGES}
        return {"kind": self.kind.name} | told | dict(self.sight.facts)


@dataclass(frozen=True, slots=True)
class ItemError:
    """An item that could not be treated; `item` is JSON."""

    id: int
    item: str
    code: str
    message: str
    details: Any  # as JSON
