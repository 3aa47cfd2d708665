"""The shop's categories."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

SEPARATORS = (">", "›", "»", "|", "/", "\\")  # between the levels of a path; the first that most paths hold


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

    def branches_of(self, codes: Sequence[str]) -> list[str]:
        """The branch of each code, in their order: the first levels of its path, as people wrote them.

        How many levels is chosen for all: so many that the branches to choose from, and then the categories within the
        average product's branch, are fewest together. Without paths, all are in one branch, "".
        """
        separator = self._separator()
        steps = [_steps_above(self.get(code), separator) for code in codes]
        best: list[str] = [""] * len(codes)
        least = 1.0 + len(codes)
        for depth in range(1, max(map(len, steps), default=0) + 1):
            branches = [" > ".join(path[:depth]) for path in steps]
            sizes = Counter(branches).values()
            choices = len(sizes) + sum(size**2 for size in sizes) / len(codes)
            if choices < least:
                best, least = branches, choices
        return best

    def _separator(self) -> str:
        counts = Counter(sign for category in self for sign in SEPARATORS if sign in category.path)
        return next((sign for sign in SEPARATORS if counts[sign] > len(self) / 2), SEPARATORS[0])


def _steps_above(category: Category | None, separator: str) -> list[str]:
    """The levels above the category, from the top down; its path may end with itself."""
    if category is None:
        return []
    steps = [step.strip() for step in category.path.split(separator)]
    if steps and steps[-1] in (category.label.strip(), category.code):
        steps.pop()
    return [step for step in steps if step]
