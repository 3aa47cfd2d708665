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

    @classmethod
    def new(cls, import_id: int, attempt: int) -> Self:
        return cls(f"catalogd-{import_id}-{attempt}-{secrets.token_hex(8)}", attempt)

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

    def after(self, working: Working, said: str) -> Self:
        """As the service says it is, but never further back than it was. `said` is its phase, fit to be kept."""
        before = (self.is_analyzing, self.percent)
        percent = working.percent if working.percent is not None else 0
        is_analyzing, percent = max(before, (working.is_analyzing, percent))
        return replace(self, said=said, is_analyzing=is_analyzing, percent=percent)

    def is_behind(self, other: "Job") -> bool:
        return (self.is_analyzing, self.percent) < (other.is_analyzing, other.percent)

    def fetched(self) -> Self:
        return replace(self, is_fetched=True)

    def lost(self) -> Self:
        """To be ordered again, by the same key: if the service has it after all, it makes no second one."""
        return replace(
            self, id=None, is_fetched=False, is_analyzing=False, percent=0, said=None, forgotten=self.forgotten + 1
        )
