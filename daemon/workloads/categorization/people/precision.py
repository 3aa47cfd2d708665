"""The precision that predictions proved to have, and the threshold for a wanted one. Pure; knows no database."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from math import floor

from daemon.workloads.categorization.intervals import SURE, wilson


@dataclass(frozen=True, slots=True)
class Tally:
    """Predictions of one confidence that people decided on, and how many of them were right."""

    confidence: float
    decided: int
    correct: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What decisions say about a wanted precision, both in [0, 1].

    threshold: the lowest confidence from which on it is reached; None where none is.
    decided, correct: the decisions at or above the threshold; without one, all of them.
    needed: the least decisions that could show it, were all of them right.
    """

    wanted: float
    threshold: float | None
    decided: int
    correct: int
    needed: int

    @property
    def precision(self) -> float | None:
        return self.correct / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.correct, self.decided) if self.decided else None

    @property
    def has_too_few(self) -> bool:
        """Whether no threshold could be proposed however right the predictions were."""
        return self.threshold is None and self.decided < self.needed


def propose_threshold(tallies: Iterable[Tally], wanted: float) -> Proposal:
    """The lowest confidence such that, of the decided predictions at or above it, the wanted share was right.

    The lower end of the interval must reach it, so few decisions carry little, and nothing is proposed between the
    confidences that were decided on. `wanted` is in (0, 1). Tallies of one confidence are added up.
    """
    ranked = sorted(tallies, key=lambda tally: tally.confidence, reverse=True)
    decided = list(accumulate((tally.decided for tally in ranked), initial=0))
    correct = list(accumulate((tally.correct for tally in ranked), initial=0))
    threshold, carried = None, len(ranked)
    for position in range(len(ranked), 0, -1):
        lowest = ranked[position - 1].confidence
        is_whole = position == len(ranked) or ranked[position].confidence < lowest
        if is_whole and decided[position] and wilson(correct[position], decided[position])[0] >= wanted:
            threshold, carried = lowest, position
            break
    return Proposal(wanted, threshold, decided[carried], correct[carried], least_needed(wanted))


def least_needed(wanted: float) -> int:
    """So many decisions, all of them right, reach the wanted precision; fewer cannot."""
    least = floor(SURE**2 * wanted / (1 - wanted))
    return next(n for n in range(max(least - 1, 1), least + 3) if wilson(n, n)[0] >= wanted)
