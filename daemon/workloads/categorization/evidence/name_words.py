"""Evidence from the words of a product's name."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.words import split_words
from daemon.workloads.categorization.product import Product

LENGTH = 240  # characters read of a name


class NameWords:
    """The words of the name."""

    name = "name"
    label = "Name"

    def features(self, product: Product) -> Sequence[str]:
        """At most LENGTH words."""
        return split_words(product.name, LENGTH)

    def describe(self, feature: str, product: Product) -> str:
        """The word in quotes; `#` stands for any number."""
        return f"“{feature}”"
