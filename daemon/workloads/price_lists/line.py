"""A line of a supplier's price list, as read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """What a supplier offers. Texts are trimmed and never empty: what the list does not say is None."""

    number: int  # of the line in its file, from 1; those of a workbook's later sheets go on counting
    name: str
    sku: str | None = None  # the supplier's own
    manufacturer: str | None = None
    part_number: str | None = None  # the manufacturer's
    barcode: str | None = None  # GTIN digits
    price: Decimal | None = None  # for one piece
    currency: str | None = None  # ISO 4217
    stock: Decimal | None = None  # pieces
    is_available: bool | None = None
    characteristics: Mapping[str, str] = field(default_factory=dict)  # further columns, by their header


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not be used. The rest of its list goes on."""

    number: int
    code: str  # stable, for programs: "no_name", "bad_price"
    reason: str  # a sentence for people
    column: str | None = None  # the header as it stands in the file
    value: str | None = None  # as it stands in the file, cut at 200 characters
    sku: str | None = None  # the supplier's own, if that much could be read
