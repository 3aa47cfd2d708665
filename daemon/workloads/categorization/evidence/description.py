"""Evidence from the words of a product's description."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.words import spell_word


class Description:
    """The words of the description."""

    name = "description"
    label = "Description"
    field = "description"
    length = 1.0
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, reading: Reading) -> Sequence[str]:
        """The words."""
        return reading.description

    def features(self, token: str) -> Sequence[str]:
        """The word, and again with each number as `#`."""
        return spell_word(token)

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """The word in quotes; `#` stands for any number."""
        return f"“{feature}”"
