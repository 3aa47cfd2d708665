"""A small invented catalogue, and lines that want something of it."""

from decimal import Decimal

from daemon.workloads.price_lists.line import Line
from daemon.workloads.price_lists.matching.catalogue import Catalogue
from daemon.workloads.price_lists.matching.match import Candidate, Match
from daemon.workloads.price_lists.matching.matching import match
from daemon.workloads.price_lists.matching.scorer import shipped_scorer
from daemon.workloads.price_lists.product import CatalogueProduct

FILLERS = [
    CatalogueProduct(
        1000 + number,
        f"{maker} {thing} {number}",
        manufacturer=maker,
        part_number=f"{maker[:2].upper()}-{number:04d}",
        price=Decimal("10.00"),
    )
    for number, (maker, thing) in enumerate(
        (maker, thing)
        for maker in ("Zambo", "Kiravel", "Ostrum", "Pellwick", "Vantor")
        for thing in ("hammer", "kettle", "lamp", "chair", "speaker", "wallet", "router", "blanket", "whisk", "ladder")
    )
]


def make_product(product_id=1, name="Corvell Aurora desk lamp", **fields):
    fields = {"manufacturer": "Corvell", "part_number": "AX-1200", "price": Decimal("20.00")} | fields
    return CatalogueProduct(product_id, name, **fields)


def make_line(number=1, name="Corvell Aurora desk lamp", **fields):
    fields = {"manufacturer": "Corvell", "part_number": "AX-1200", "price": Decimal("20.00")} | fields
    return Line(number, name, **fields)


def match_one(line, *products, **options) -> Match:
    """The match of one line with these products among fifty others."""
    return match([line], Catalogue([*products, *FILLERS]), shipped_scorer(), **options)[0]


def candidate_of(line, product) -> Candidate:
    """What is said of the product as a candidate for the line."""
    found = match_one(line, product)
    return next(each for each in found.candidates if each.product_id == product.product_id)


def reason_of(line, product, kind):
    return next(each for each in candidate_of(line, product).reasons if each.kind == kind)
