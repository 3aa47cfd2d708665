"""Evidence from the manufacturer."""

from collections.abc import Sequence

from daemon.workloads.categorization.product import Product

LENGTH = 80  # characters read of a manufacturer's name


def fold_manufacturer(product: Product) -> str:
    """The manufacturer in the spelling that features use: lower case, single spaces; empty when unknown."""
    return " ".join((product.manufacturer or "")[:LENGTH].lower().split())


class Manufacturer:
    """Who makes the product: little on its own, for those who make one kind of thing a lot."""

    name = "manufacturer"
    label = "Manufacturer"

    def features(self, product: Product) -> Sequence[str]:
        """One feature, or none."""
        manufacturer = fold_manufacturer(product)
        return (manufacturer,) if manufacturer else ()

    def describe(self, feature: str, product: Product) -> str:
        """The manufacturer as the shop spells it."""
        return (product.manufacturer or "")[:LENGTH].strip()
