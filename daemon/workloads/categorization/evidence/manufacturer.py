"""Evidence from the manufacturer."""

from collections.abc import Sequence

from daemon.workloads.categorization.evidence.reading import MAKER_LENGTH, Reading


def fold_manufacturer(manufacturer: str) -> str:
    """The manufacturer in the spelling that features use: lower case, single spaces."""
    return " ".join(manufacturer.lower().split())


class Manufacturer:
    """Who makes the product: little on its own, for those who make one kind of thing a lot."""

    name = "manufacturer"
    label = "Manufacturer"
    field = "manufacturer"
    length = 1.0
    tokens_recur = True
    names_manufacturer = True

    def tokens(self, reading: Reading) -> Sequence[str]:
        """The manufacturer, if there is one."""
        return (reading.manufacturer,) if reading.manufacturer else ()

    def features(self, token: str) -> Sequence[str]:
        """One feature, or none."""
        manufacturer = fold_manufacturer(token)
        return (manufacturer,) if manufacturer else ()

    def describe(self, feature: str, manufacturer: str | None) -> str:
        """The manufacturer as the shop spells it."""
        return (manufacturer or "")[:MAKER_LENGTH].strip()
