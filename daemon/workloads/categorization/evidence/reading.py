"""A product as the sources of evidence read it: cut once for all of them."""

from collections.abc import Sequence
from functools import lru_cache

from daemon.workloads.categorization.evidence.flattening import flatten
from daemon.workloads.categorization.evidence.words import split_words
from daemon.workloads.categorization.product import Product

NAME_LENGTH = 240  # characters read of a name
DESCRIPTION_LENGTH = 600  # characters read of a description; what matters stands first
MAKER_LENGTH = 80  # characters read of the manufacturer's name


class Reading:
    """The pieces of a product, bounded whatever it holds.

    manufacturer: as the shop spells it, "" for none. name, description: words in lower case. telling: the words of the
    name that neither name the manufacturer nor are its number for the product. attributes: keys with values, flat.
    """

    __slots__ = ("attributes", "description", "manufacturer", "name", "part_number", "telling")

    def __init__(self, product: Product) -> None:
        self.manufacturer = (product.manufacturer or "")[:MAKER_LENGTH]
        self.part_number = product.part_number or ""
        self.name: Sequence[str] = split_words(product.name, NAME_LENGTH)
        made_by, number = _split_maker(self.manufacturer), self.part_number[:MAKER_LENGTH].lower()
        self.telling = [word for word in self.name if word not in made_by and word not in number]
        self.description: Sequence[str] = split_words(product.description, DESCRIPTION_LENGTH)
        self.attributes = flatten(product.attributes)


@lru_cache(maxsize=4096)
def _split_maker(manufacturer: str) -> frozenset[str]:
    return frozenset(split_words(manufacturer, MAKER_LENGTH))
