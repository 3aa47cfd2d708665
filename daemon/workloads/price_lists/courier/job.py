"""A job of the external service, as it stands in the import's row."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from daemon.workloads.price_lists.courier.answers import Working
from daemon.workloads.price_lists.order import Phase


@dataclass(frozen=True, slots=True)
class Job:
    """Written down before the service is told of it, so that what crashes meanwhile goes on with the same key."""

    key: str  # by which the service knows the order again; no two imports of any shop have the same
    attempt: int  # the import's retry_count when it was ordered
    id: str | None = None  # as the service calls it; None: whether it knows of the order is not certain
    is_fetched: bool = False
    said: str | None = None  # the phase in the service's words
    is_analyzing: bool = False
    percent: int = 0  # of the phase
    forgotten: int = 0  # how often the service did not know it any more
    seen_in: int | None = None  # the import's retry_count when the service was last asked for it
    is_stuck: bool = False  # it was given up because it made no progress

    @classmethod
    def new(cls, import_id: int, attempt: int) -> Self:
        return cls(f"catalogd-{import_id}-{attempt}-{secrets.token_hex(8)}", attempt, seen_in=attempt)

    @classmethod
    def from_json(cls, values: Any) -> Self | None:
        """None when there is no job."""
        if not isinstance(values, Mapping) or not isinstance(values.get("key"), str):
            return None
        return cls(**{name: values[name] for name in cls.__slots__ if name in values})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def phase(self) -> Phase:
        return Phase.ANALYZING if self.is_analyzing else Phase.DOWNLOADING

    def ordered_as(self, job_id: str) -> Self:
        return replace(self, id=job_id)

    def after(self, working: Working, said: str, attempt: int) -> Self:
        """As the service says it is, but never further back than it was. `said` is its phase, fit to be kept."""
        before = (self.is_analyzing, self.percent)
        percent = working.percent if working.percent is not None else 0
        is_analyzing, percent = max(before, (working.is_analyzing, percent))
        is_stuck = self.is_stuck and before == (is_analyzing, percent)
        return replace(self, said=said, is_analyzing=is_analyzing, percent=percent, seen_in=attempt, is_stuck=is_stuck)

    def has_advanced_to(self, other: "Job") -> bool:
        """Or is looked at again after a while in which nobody asked for it: its time begins anew."""
        is_behind = (self.is_analyzing, self.percent) < (other.is_analyzing, other.percent)
        return is_behind or (self.seen_in != other.seen_in and not self.is_stuck)

    def stuck(self) -> Self:
        return replace(self, is_stuck=True)

    def fetched(self) -> Self:
        return replace(self, is_fetched=True)

    def lost(self) -> Self:
        """To be ordered again, by the same key: if the service has it after all, it makes no second one."""
        return replace(
            self, id=None, is_fetched=False, is_analyzing=False, percent=0, said=None, forgotten=self.forgotten + 1
        )
