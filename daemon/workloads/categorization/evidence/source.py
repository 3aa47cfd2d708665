"""What evidence is, and what a source of evidence must offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.workloads.categorization.product import Product


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a category, as people read it. `weight` is in [0, 1], with three decimals."""

    source_type: str
    source_label: str
    value: str
    weight: float


class EvidenceSource(Protocol):
    """Reads one part of a product as features: short strings that products of one category share."""

    @property
    def name(self) -> str:
        """Stable key, written as the evidence's `source_type`."""

    @property
    def label(self) -> str:
        """What people call the source."""

    def features(self, product: Product) -> Sequence[str]:
        """What the source sees, in a fixed order; repetitions count once. Empty when it sees nothing.

        Number and length are bounded whatever the product holds, and nothing is raised. A change of what
        is returned makes learned models useless: raise `model.FORMAT` with it.
        """

    def describe(self, feature: str, product: Product) -> str:
        """The feature in words, for the product it was seen in."""
