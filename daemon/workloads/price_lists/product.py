"""A product of the catalogue, as the matching sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CatalogueProduct:
    """What a line may be matched with. Barcode and price are known where the shop's view has such columns."""

    product_id: int
    name: str
    sku: str | None = None
    manufacturer: str | None = None
    part_number: str | None = None
    barcode: str | None = None
    price: Decimal | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
