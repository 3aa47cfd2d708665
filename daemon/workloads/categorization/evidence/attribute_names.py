"""Evidence from which attributes a product has, whatever their values."""

from collections.abc import Sequence
from itertools import combinations

from daemon.workloads.categorization.evidence.reading import Reading

NAMES = 16  # names read of a product: 120 pairs
BETWEEN = "\n"
LONGEST = 400  # letters of the whole


class AttributeNames:
    """Each two names that a product has together, and all of them: products of one kind are described alike."""

    name = "attribute_names"
    label = "Attributes it has"
    field = "attributes"
    length = 1.0
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, reading: Reading) -> Sequence[tuple[str, ...]]:
        """One token: the names as they come. None without at least two."""
        return (tuple([key for key, _ in reading.attributes]),) if len(reading.attributes) > 1 else ()

    def features(self, token: tuple[str, ...]) -> Sequence[str]:
        """The pairs of names, and the whole where it is more than one pair and not too long to be shared."""
        names = sorted({name for key in token if (name := key.strip().lower())})[:NAMES]
        pairs = [f"{first}{BETWEEN}{second}" for first, second in combinations(names, 2)]
        whole = BETWEEN.join(names)
        return [*pairs, whole] if len(names) > 2 and len(whole) <= LONGEST else pairs

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """Such as "has color, size"."""
        return f"has {', '.join(feature.split(BETWEEN))}"
