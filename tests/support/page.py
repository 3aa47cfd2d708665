"""A page of the documentation, as the blocks that its reader would run.

What a block needs beyond its text stands before it in the page, in comments that no reader sees, one a line:

    <!-- not run: WHY -->            it cannot be run here; the reason names what proves it instead, if anything does
    <!-- as: ROLE -->                SQL is run as PHP's role unless another is named
    <!-- may find nothing: WHY -->   SQL: otherwise each statement must return or change a row
    <!-- refused: WORDS -->         SQL: the server is to refuse it with a message that has these words
    <!-- stays open: WHY -->        otherwise the daemon, where one is at work, is to end what the block ordered
    <!-- exit code: 1 -->            sh: otherwise 0
    <!-- from: PATH -->              it is not run, but stands in that file word by word

A block with a name behind its language (```php once) is left to the test of its page that asks for it by that name.

A ```text block after one that is run is what that one prints: each line of it in this order, … for anything, spaces
and what is between the lines do not count.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = ("sh", "sql", "php", "python")
NOTES = ("not run", "as", "may find nothing", "refused", "stays open", "exit code", "from")


def short_name(page: Path) -> str:
    """As tests call it: the README stands alone, others go by their file's name."""
    return "docs/README.md" if page == ROOT / "docs" / "README.md" else page.name


FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)(?: (?P<name>[\w-]+))?\s*")
NOTE = re.compile(r" *<!-- (?P<name>[^:]+?)(?:: (?P<value>.+))? -->\s*")


class PageError(ValueError):
    """The page says something that is not understood."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, where it begins, what is said of it, and what it is to print."""

    page: str
    line: int
    language: str
    text: str
    notes: Mapping[str, str]
    expected: str | None = None
    name: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not self.name and not {"not run", "from"} & self.notes.keys()


def read_blocks(page: Path) -> list[Block]:
    """Every block of a page, in order. Raises PageError for a note that is not understood, or not before a block."""
    blocks: list[Block] = []
    notes: dict[str, str] = {}
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
    for number, line in lines:
        if note := NOTE.fullmatch(line):
            notes[note["name"]] = note["value"] or ""
        elif fence := FENCE.fullmatch(line):
            inside = []
            for _, within in lines:
                if within.strip() == "```":
                    break
                inside.append(within)
            text = textwrap.dedent("\n".join(inside)) + "\n"
            for name, value in notes.items():
                if name not in NOTES or not value:
                    raise PageError(f"{short_name(page)}:{number}: {name!r} is none of {NOTES}, with a value")
            name = fence["name"] or ""
            blocks.append(Block(short_name(page), number, fence["language"], text, notes, name=name))
            notes = {}
        else:
            lost = [name for name in NOTES if name in notes]
            if lost and line.strip():
                raise PageError(f"{short_name(page)}:{number}: a block should follow {lost}")
            notes = {name: notes[name] for name in lost}  # others are for whoever edits the page
    return _with_expectations(blocks)


def _with_expectations(blocks: list[Block]) -> list[Block]:
    """Give each ```text block to the one before it."""
    joined: list[Block] = []
    for block in blocks:
        if block.language != "text":
            joined.append(block)
        elif joined and joined[-1].language in RUN and joined[-1].expected is None:
            before = joined.pop()
            joined.append(Block(before.page, before.line, before.language, before.text, before.notes, block.text))
        else:
            raise PageError(f"{block.place}: nothing before it prints this")
    return joined


def is_as_expected(expected: str, printed: str) -> bool:
    """Whether each line that is expected was printed, in this order; spaces do not count, … is anything."""
    parts = [re.escape(part).replace("…", ".*") for part in map(_squeeze, expected.splitlines()) if part]
    found = "\n".join(map(_squeeze, printed.splitlines()))
    return re.search("^" + r"$(?:.|\n)*^".join(parts) + "$", found, re.MULTILINE) is not None


def _squeeze(line: str) -> str:
    return " ".join(line.split())
