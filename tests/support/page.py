"""A page of the documentation, as the blocks that its reader would run.

What a block needs beyond its text stands before it in the page, in comments that no reader sees, one a line:

    <!-- not run: WHY -->            it cannot be run here; the reason names what proves it instead, if anything does
    <!-- as: ROLE -->                SQL is run as PHP's role unless another is named
    <!-- may find nothing: WHY -->   SQL: otherwise each statement must return or change a row
    <!-- stays open: WHY -->        otherwise the daemon, where one is at work, is to end what the block ordered
    <!-- exit code: 1 -->            sh: otherwise 0
    <!-- from: PATH -->              it is not run, but stands in that file word by word

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
NOTES = ("not run", "as", "may find nothing", "stays open", "exit code", "from")

FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)\s*")
NOTE = re.compile(r" *<!-- (?P<name>[a-z ]+)(?:: (?P<value>.+))? -->\s*")


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

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not {"not run", "from"} & self.notes.keys()


def read_blocks(page: Path) -> list[Block]:
    """Every block of a page, in order. Raises PageError for a note that is unknown or not before a block."""
    blocks: list[Block] = []
    notes: dict[str, str] = {}
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
    for number, line in lines:
        if note := NOTE.fullmatch(line):
            if note["name"] not in NOTES or not note["value"]:
                raise PageError(f"{page.name}:{number}: {note[0].strip()} is none of {NOTES}, with a value")
            notes[note["name"]] = note["value"]
        elif fence := FENCE.fullmatch(line):
            inside = []
            for _, within in lines:
                if within.strip() == "```":
                    break
                inside.append(within)
            text = textwrap.dedent("\n".join(inside)) + "\n"
            blocks.append(Block(page.name, number, fence["language"], text, notes))
            notes = {}
        elif notes and line.strip():
            raise PageError(f"{page.name}:{number}: a block should follow {notes}")
    if notes:
        raise PageError(f"{page.name}: no block follows {notes}")
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
