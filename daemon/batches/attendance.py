"""Which open batches nobody works on although somebody could: their work is paused, or belongs to no instance."""

from collections.abc import Collection, Sequence
from threading import Lock

from daemon.batches.batch import Batch, Listed
from daemon.batches.fleet import Hold

UNATTENDED = "nobody works on it: the instances at work leave {kind} out (CATALOGD_WORKLOADS), or their log tells why"
YOUNGEST_S = 5.0  # a batch is not begun at once
MOMENT_S = 0.4  # between two slices nobody holds one
ANOTHER_LOOK_S = 0.5  # so long after the first, who looks twice knows
MOST = 10_000

Key = tuple[str, int]  # kind of work, number of the batch


class Attendance:
    """Compares looks at different moments, of any thread's: one alone may fall between two slices."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._since: dict[Key, tuple[int, float]] = {}  # how far it was, and when that was seen first

    def see(self, listed: Sequence[Listed], holds: Collection[Hold], at_s: float) -> frozenset[Key]:
        """Take this look in. Returns those that nobody has held for longer than a moment, and that have not moved."""
        with self._lock:
            if len(self._since) > MOST:
                self._since.clear()
            return frozenset(each.key for each in listed if self._stands(each, holds, at_s))

    def _stands(self, each: Listed, holds: Collection[Hold], at_s: float) -> bool:
        if not may_be_unattended(each, holds):
            self._since.pop(each.key, None)
            return False
        processed, since = self._since.get(each.key, (-1, at_s))
        if processed != each.batch.processed:
            self._since[each.key] = each.batch.processed, at_s
            return False
        return at_s - since >= MOMENT_S


def may_be_unattended(each: Listed, holds: Collection[Hold]) -> bool:
    """As far as one look tells. While others of its kind are in hand, a batch waits its turn."""
    if not each.batch.is_open or _age_s(each.batch) < YOUNGEST_S:
        return False
    return all(hold.workload != each.kind.name for hold in holds)


def _age_s(batch: Batch) -> float:
    ages = (batch.created_s_ago, batch.run_s)
    return min((age for age in ages if age is not None), default=YOUNGEST_S)
