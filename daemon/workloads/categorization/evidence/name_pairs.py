"""Evidence from words of a product's name that stand together."""

from collections.abc import Sequence
from itertools import pairwise

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.words import LONGEST_WORD, shape_of


class NamePairs:
    """Each two neighbours among the words that tell what the product is."""

    name = "name_pairs"
    label = "Words together in the name"
    field = "name"
    length = 1.0
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, reading: Reading) -> Sequence[str]:
        """The pairs, joined by a space."""
        return list(map(" ".join, pairwise(reading.telling)))

    def features(self, token: str) -> Sequence[str]:
        """The pair, with each number as `#`."""
        return (shape_of(token),) if len(token) <= 2 * LONGEST_WORD else ()

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """In quotes; `#` stands for any number."""
        return f"“{feature}”"
