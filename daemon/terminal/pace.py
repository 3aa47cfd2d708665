"""How fast a batch is now: the average since its start says little after a pause."""

from collections import deque
from dataclasses import dataclass

RECENT_S, KEPT_S = 10.0, 60.0
FEWEST_S = 0.5  # between two looks that say something


@dataclass(frozen=True, slots=True)
class Look:
    at_s: float  # by a monotonic clock
    processed: int


class Pace:
    """What was seen of one batch in the last minute."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()

    def see(self, look: Look) -> None:
        """A count that has shrunk begins anew: the batch was set back."""
        if self._looks and look.processed < self._looks[-1].processed:
            self._looks.clear()
        self._looks.append(look)
        while look.at_s - self._looks[0].at_s > KEPT_S:
            self._looks.popleft()

    @property
    def items_per_s(self) -> float | None:
        """Over the last seconds, or over the minute where nothing moved in them; None while too little was seen."""
        last = self._looks[-1] if self._looks else None
        if last is None or last.at_s - self._looks[0].at_s < FEWEST_S:
            return None
        recent = next(look for look in self._looks if last.at_s - look.at_s <= RECENT_S)
        for first in (recent, self._looks[0]):
            if last.processed > first.processed and last.at_s - first.at_s >= FEWEST_S:
                return (last.processed - first.processed) / (last.at_s - first.at_s)
        return 0.0 if last.at_s - self._looks[0].at_s >= RECENT_S else None


class Paces:
    """Of all batches that are watched, by kind of work and number."""

    def __init__(self) -> None:
        self._paces: dict[tuple[str, int], Pace] = {}

    def see(self, counts: dict[tuple[str, int], int], at_s: float) -> dict[tuple[str, int], float]:
        """Take these counts in; those that are not among them are forgotten. Returns the rates that are known."""
        self._paces = {key: self._paces.get(key) or Pace() for key in counts}
        for key, processed in counts.items():
            self._paces[key].see(Look(at_s, processed))
        rates = {key: pace.items_per_s for key, pace in self._paces.items()}
        return {key: rate for key, rate in rates.items() if rate is not None}
