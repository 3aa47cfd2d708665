"""A catalogue file as cases to learn from and to be judged on. Needs no database."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.stand_in.catalogue_file import CatalogueFile, FileRefused
from daemon.workloads.categorization.experiments.experiment import Case, fold_of
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.store import read_json
from daemon.workloads.categorization.taxonomy import Category, Taxonomy

SPLIT, LEARNED, HELD_OUT = "split", "train", "dev"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The rows that have a category. With a column `split`, its rows "train" and "dev" alone.

    held_out: the references of the rows "dev"; None without that column.
    """

    cases: tuple[Case, ...]
    taxonomy: Taxonomy
    held_out: frozenset[str] | None

    @property
    def is_held_out(self) -> Callable[[Case, int], bool]:
        """Without the column `split`, the fold decides."""
        held_out = self.held_out
        if held_out is None:
            return lambda case, fold: fold_of(case.reference) == fold
        return lambda case, fold: case.reference in held_out


def read_catalogue(path: Path) -> Catalogue:
    """Raises FileRefused when the file cannot be read, or has no row to learn from or none to judge."""
    file = CatalogueFile(path)
    is_split = file.has(SPLIT)
    cases: dict[str, Case] = {}
    categories: dict[str, Category] = {}
    held_out = set()
    for number, (row, part) in enumerate(file.rows_with(SPLIT if is_split else "sku"), start=1):
        code = row.category_code
        if code is None or (is_split and part not in (LEARNED, HELD_OUT)):
            continue
        if row.sku in cases:
            raise FileRefused(path, row.line, f"the sku {row.sku!r} stands there twice")
        if is_split and part == HELD_OUT:
            held_out.add(row.sku)
        known = categories.get(code)
        if known is None or not known.label:
            categories[code] = Category(code, row.category_label or "", row.category_path or "")
        attributes = None if row.attributes is None else read_json(row.attributes)
        product = Product(
            number, row.sku, row.name, row.manufacturer, row.part_number, row.description, attributes, code
        )
        cases[row.sku] = Case(row.sku, product, code)
    taxonomy = Taxonomy(categories.values())
    catalogue = Catalogue(tuple(cases.values()), taxonomy, frozenset(held_out) if is_split else None)
    judged = sum(catalogue.is_held_out(case, 0) for case in catalogue.cases)
    if not 0 < judged < len(cases):
        wanted = f" and {SPLIT} {LEARNED} or {HELD_OUT}, some of each" if is_split else ", enough to hold some out"
        raise FileRefused(path, None, f"nothing to judge: it needs rows with a category_code{wanted}")
    return catalogue
