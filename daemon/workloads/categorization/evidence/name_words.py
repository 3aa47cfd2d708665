"""Evidence from the words of a product's name."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.words import spell_word, split_words
from daemon.workloads.categorization.product import Product

LENGTH = 240  # characters read of a name


class NameWords:
    """The words of the name."""

    name = "name"
    label = "Name"
    tokens_recur = True
    names_manufacturer = False

    def tokens(self, product: Product) -> Sequence[str]:
        """At most LENGTH words."""
        return split_words(product.name, LENGTH)

    def features(self, token: str) -> Sequence[str]:
        """The word, and again with each number as `#`."""
        return spell_word(token)

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """The word in quotes; `#` stands for any number."""
        return f"“{feature}”"
