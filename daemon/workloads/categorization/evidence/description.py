"""Evidence from the words of a product's description."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.words import split_words
from daemon.workloads.categorization.product import Product

LENGTH = 600  # characters read of a description; what matters stands first


class Description:
    """The words of the description."""

    name = "description"
    label = "Description"

    def features(self, product: Product) -> Sequence[str]:
        """At most LENGTH words."""
        return split_words(product.description, LENGTH)

    def describe(self, feature: str, product: Product) -> str:
        """The word in quotes; `#` stands for any number."""
        return f"“{feature}”"
