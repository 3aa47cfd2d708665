"""The shop's categories."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Category:
    """One row of `catalogd_categories`; `path` is for people, from the top level down."""

    code: str
    label: str
    path: str


class Taxonomy:
    """The categories by code. Of two with one code the later counts."""

    __slots__ = ("_categories",)

    def __init__(self, categories: Iterable[Category] = ()) -> None:
        self._categories = {category.code: category for category in categories}

    def __len__(self) -> int:
        return len(self._categories)

    def __iter__(self) -> Iterator[Category]:
        return iter(self._categories.values())

    def __contains__(self, code: object) -> bool:
        return code in self._categories

    def get(self, code: str) -> Category | None:
        """The category, or None where the shop no longer has the code."""
        return self._categories.get(code)

    def label_of(self, code: str) -> str:
        """What people call the category; the code itself where the label is missing or empty."""
        category = self._categories.get(code)
        return category.label if category and category.label else code
