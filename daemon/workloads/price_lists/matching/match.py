"""What the matching says of a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Status = Literal["linked", "review", "draft"]

LINKED, REVIEW = 95.0, 70.0  # scores from which on
MOST_UNLINKED = 94.99  # the score that is told where something forbids an automatic link


class Reason(NamedTuple):
    """`kind` is stable, for programs; `text` is for people; `weight` is added to the log-odds, 0 for a remark."""

    kind: str
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that a line may offer. The strongest reason comes first.

    vetoes: kinds of reasons that forbid an automatic link, whatever the score.
    features: what the scorer saw, by name, those that are 0 left out; to be kept with a review, for Scorer.taught.
    """

    product_id: int
    score: float
    reasons: tuple[Reason, ...]
    vetoes: tuple[str, ...]
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Match:
    """product_id: of the product that is linked by itself, else None. score: of the best candidate, 0 without one.

    candidates: best first; of a draft those that are not out of the question.
    """

    number: int  # of the line
    product_id: int | None
    score: float
    status: Status
    candidates: tuple[Candidate, ...]
