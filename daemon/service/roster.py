"""Who does the work of this process: so many threads for each kind, and the connections that they share."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.engine.workload import Workload

MOST_SPARE = 2


@dataclass(frozen=True, slots=True)
class Roster:
    """The kinds of work that this process does."""

    workloads: Sequence[Workload]

    @property
    def workers(self) -> int:
        return sum(workload.workers for workload in self.workloads)

    @property
    def connections(self) -> int:
        """One for each worker, one for what the listener sends itself, and some for the preparers."""
        return self.workers + 1 + spare(self.workloads)


def spare(workloads: Sequence[Workload]) -> int:
    """Connections for preparers, who want one now and then."""
    return min(MOST_SPARE, sum(workload.preparers for workload in workloads))
