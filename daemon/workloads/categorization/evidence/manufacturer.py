"""Evidence from the manufacturer."""

from collections.abc import Sequence

from daemon.workloads.categorization.product import Product

LENGTH = 80  # characters read of a manufacturer's name


def fold_manufacturer(manufacturer: str) -> str:
    """The manufacturer in the spelling that features use: lower case, single spaces."""
    return " ".join(manufacturer.lower().split())


class Manufacturer:
    """Who makes the product: little on its own, for those who make one kind of thing a lot."""

    name = "manufacturer"
    label = "Manufacturer"
    tokens_recur = True
    names_manufacturer = True

    def tokens(self, product: Product) -> Sequence[str]:
        """The manufacturer, if there is one."""
        return (product.manufacturer[:LENGTH],) if product.manufacturer else ()

    def features(self, token: str) -> Sequence[str]:
        """One feature, or none."""
        manufacturer = fold_manufacturer(token)
        return (manufacturer,) if manufacturer else ()

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """The manufacturer as the shop spells it."""
        return (manufacturer or "")[:LENGTH].strip()
