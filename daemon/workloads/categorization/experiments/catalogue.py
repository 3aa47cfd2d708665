"""A catalogue file as cases to learn from and to be judged on. Needs no database."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from daemon.stand_in.catalogue_file import CatalogueFile, FileRefused
from daemon.workloads.categorization.experiments.experiment import Case, fold_of
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.store import read_json
from daemon.workloads.categorization.taxonomy import Category, Taxonomy

SPLIT, LEARNED, HELD_OUT = "split", "train", "dev"


class CatalogueRow(NamedTuple):
    """One row. Without a column `split`, the first fold is held out."""

    line: int
    case: Case
    is_held_out: bool
    category: Category


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
    is_split = CatalogueFile(path).has(SPLIT)
    cases: dict[str, Case] = {}
    categories: list[Category] = []
    held_out = set()
    for row in read_rows(path):
        sku = row.case.reference
        if sku in cases:
            raise FileRefused(path, row.line, f"the sku {sku!r} stands there twice")
        cases[sku] = row.case
        if is_split and row.is_held_out:
            held_out.add(sku)
        categories.append(row.category)
    taxonomy = taxonomy_of(categories)
    catalogue = Catalogue(tuple(cases.values()), taxonomy, frozenset(held_out) if is_split else None)
    judged = sum(catalogue.is_held_out(case, 0) for case in catalogue.cases)
    if not 0 < judged < len(cases):
        wanted = f" and {SPLIT} {LEARNED} or {HELD_OUT}, some of each" if is_split else ", enough to hold some out"
        raise FileRefused(path, None, f"nothing to judge: it needs rows with a category_code{wanted}")
    return catalogue


def taxonomy_of(categories: Iterable[Category]) -> Taxonomy:
    """Each category as the first row with a label has it."""
    known: dict[str, Category] = {}
    for category in categories:
        if category.code not in known or not known[category.code].label:
            known[category.code] = category
    return Taxonomy(known.values())


def read_rows(path: Path) -> Iterator[CatalogueRow]:
    """The rows that count, one after the other; nothing is kept. Raises FileRefused."""
    file = CatalogueFile(path)
    is_split = file.has(SPLIT)
    for number, (row, part) in enumerate(file.rows_with(SPLIT if is_split else "sku"), start=1):
        code = row.category_code
        if code is None or (is_split and part not in (LEARNED, HELD_OUT)):
            continue
        attributes = None if row.attributes is None else read_json(row.attributes)
        product = Product(
            number, row.sku, row.name, row.manufacturer, row.part_number, row.description, attributes, code
        )
        yield CatalogueRow(
            row.line,
            Case(row.sku, product, code),
            part == HELD_OUT if is_split else fold_of(row.sku) == 0,
            Category(code, row.category_label or "", row.category_path or ""),
        )
