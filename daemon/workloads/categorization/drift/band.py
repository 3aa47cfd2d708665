"""What is usual, and how far a batch may be from it. Pure; knows no database."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from math import sqrt
from typing import NamedTuple, Self

from daemon.workloads.categorization.model.learning import Judged

LOW = 60.0  # a confidence below counts as low, whatever the shop's threshold: all figures must mean the same
FEWEST = 20  # products of a batch that say anything
DEVIATIONS = 4.0  # standard errors that are nothing unusual
LEAST_SHIFT = 0.1  # of a share: what is less is not worth a person's time, however sure it is


@dataclass(frozen=True, slots=True)
class Shares:
    """Of so many products, shares in [0, 1].

    low: of the products, those with a confidence below LOW. unknown: of what was read of a product, what the model does
    not know; the mean. unknown_manufacturers: of the products, those whose manufacturer the model does not know.
    """

    products: int
    low: float
    unknown: float
    unknown_manufacturers: float

    @classmethod
    def of_judged(cls, judged: Sequence[Judged]) -> Self | None:
        """What is usual, by products that the model had not learned from; None without any."""
        number = len(judged)
        if not number:
            return None
        return cls(
            products=number,
            low=sum(product.confidence < LOW for product in judged) / number,
            unknown=sum(product.unknown_share for product in judged) / number,
            unknown_manufacturers=sum(product.unknown_manufacturer for product in judged) / number,
        )

    def as_report(self) -> Mapping[str, int | float]:
        """As a model's report keeps it, under the key `usual`."""
        return {field.name: round(value, 6) for field, value in zip(fields(self), astuple(self), strict=True)}


class Range(NamedTuple):
    """A share from `lower` to `upper`, both included."""

    lower: float
    upper: float

    def __contains__(self, share: object) -> bool:
        return isinstance(share, float | int) and self.lower <= share <= self.upper


def band(share: float, known: int, products: int) -> Range:
    """Where the share of a batch of so many products may be, if it is `share` of `known` ones that are usual.

    By Bernstein's inequality for values in [0, 1], of which the variance is at most a coin's, one usual batch in 1,490
    or fewer is outside, exp(-z * z / 2) on either side for z = DEVIATIONS. The usual share is an estimate itself: its
    uncertainty is added, and one more product of each kind keeps it from 0 and 1. Tiny batches may be anything, and a
    shift of less than LEAST_SHIFT is nothing.
    """
    if products < FEWEST or known < 1:
        return Range(0.0, 1.0)
    smoothed = (share * known + 1) / (known + 2)
    uncertainty = 1 / products + 1 / known
    spread = DEVIATIONS * sqrt(smoothed * (1 - smoothed) * uncertainty) + DEVIATIONS**2 / 3 * uncertainty
    shift = max(LEAST_SHIFT, spread)
    return Range(max(0.0, share - shift), min(1.0, share + shift))


FIGURES = ("low", "unknown", "unknown_manufacturers")


def find_outside(seen: Shares, usual: Shares) -> list[str]:
    """The figures of a batch that are outside of the band, by name; empty for most."""
    return [
        figure
        for figure in FIGURES
        if getattr(seen, figure) not in band(getattr(usual, figure), usual.products, seen.products)
    ]
