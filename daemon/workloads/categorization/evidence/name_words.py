"""Evidence from the words of a product's name."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.words import spell_word


class NameWords:
    """The words of the name."""

    name = "name"
    label = "Name"
    field = "name"
    length = 1.0
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, reading: Reading) -> Sequence[str]:
        """The words."""
        return reading.name

    def features(self, token: str) -> Sequence[str]:
        """The word, and again with each number as `#`."""
        return spell_word(token)

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """The word in quotes; `#` stands for any number."""
        return f"“{feature}”"
