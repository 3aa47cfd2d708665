"""The sample catalogue as `catalogd import` takes it: row by row, or as a file."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from daemon.demo.catalogue import SampleCatalogue
from daemon.stand_in.importing import COLUMNS, IncomingRow

SPLIT = "split"  # the column that tells the products whose category is to be found from the others
KNOWN, NEW = "known", "new"


def rows_of(catalogue: SampleCatalogue) -> Iterator[IncomingRow]:
    """Each product with its true category; where the shop does not know that one, the row is held out."""
    categories = {category.code: category for category in catalogue.categories}
    for number, product in enumerate(catalogue.products, start=1):
        category = categories[product.true_category]
        yield IncomingRow(
            line=number,
            sku=product.sku,
            name=product.name,
            manufacturer=product.manufacturer,
            part_number=product.part_number,
            description=product.description,
            attributes=json.dumps(product.attributes),
            category_code=category.code,
            category_label=category.label,
            category_path=category.path,
            is_held_out=product.category_code is None,
        )


def write_catalogue(catalogue: SampleCatalogue, path: Path) -> int:
    """Write a file; returns for how many products `split` is "new". An existing one is not overwritten: raises
    FileExistsError, and OSError where the file cannot be written."""
    new = 0
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, SPLIT])
        for row in rows_of(catalogue):
            writer.writerow([*(getattr(row, column) for column in COLUMNS), NEW if row.is_held_out else KNOWN])
            new += row.is_held_out
    return new
