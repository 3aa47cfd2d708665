"""Evidence from which attributes a product has, whatever their values."""

from collections.abc import Sequence
from itertools import combinations

from daemon.workloads.categorization.evidence.reading import Reading

NAMES = 16  # names read of a product: 120 pairs
BETWEEN = "\n"


class AttributeNames:
    """Each two names that a product has together, and all of them: products of one kind are described alike."""

    name = "attribute_names"
    label = "Attributes it has"
    field = "attributes"
    length = 1.0
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, reading: Reading) -> Sequence[tuple[str, ...]]:
        """One token: the names, sorted. None without at least two."""
        names = {name for key, _ in reading.attributes if (name := key.strip().lower())}
        return (tuple(sorted(names)[:NAMES]),) if len(names) > 1 else ()

    def features(self, token: tuple[str, ...]) -> Sequence[str]:
        """The pairs, and the whole where it is more than one pair and not too long to be shared."""
        pairs = [f"{first}{BETWEEN}{second}" for first, second in combinations(token, 2)]
        whole = BETWEEN.join(token)
        return [*pairs, whole] if len(token) > 2 and len(whole) <= 400 else pairs

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """Such as "has color, size"."""
        return f"has {', '.join(feature.split(BETWEEN))}"
