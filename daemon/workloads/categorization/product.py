"""A product as the shop's view shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One row of `catalogd_products`. Any text may be missing, empty, very long or in any script.

    `attributes` is whatever JSON the shop keeps: usually an object, but a list, a number or None is read too.
    `category_code` is the category a person has confirmed, or None.
    """

    id: int
    sku: str | None
    name: str | None
    manufacturer: str | None
    part_number: str | None
    description: str | None
    attributes: object
    category_code: str | None
