"""Reads one sheet of an XLSX workbook as a stream of rows."""

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from daemon.workloads.price_lists.reading.cell import Cell, Record, read_number
from daemon.workloads.price_lists.reading.number_formats import GENERAL, NumberFormat, formatted
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.shared_strings import LONGEST, SharedStrings
from daemon.workloads.price_lists.reading.xml import parse

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the cells of all sheets refer to."""

    strings: SharedStrings
    formats: Sequence[NumberFormat]
    epoch: date  # the day of the number 0
    max_columns: int


class Worksheet:
    """A sheet that is being read; `size` is how many bytes of it have been."""

    def __init__(
        self, archive: zipfile.ZipFile, member: str, surroundings: Surroundings, beat: Callable[[], None]
    ) -> None:
        self._archive = archive
        self._member = member
        self._strings = surroundings.strings
        self._formats = surroundings.formats
        self._epoch = surroundings.epoch
        self._max_columns = surroundings.max_columns
        self._beat = beat
        self.size = 0
        self._rows: list[Record] = []
        self._number = 0
        self._cells: list[Cell] = []
        self._places: dict[str, int] = {}  # letters -> position
        self._place = -1
        self._kind = ""
        self._style = ""
        self._parts: list[str] = []
        self._length = 0
        self._is_value = False

    def rows(self) -> Iterator[Record]:
        """All rows, as wide as they are filled. Raises ListUnreadable."""
        for size in parse(self._archive, self._member, self._start, self._end, self._text, self._beat):
            self.size = size
            yield from self._rows
            self._rows.clear()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            reference = attributes.get("r")
            self._place = self._position(reference) if reference else self._place + 1
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._parts.clear()
            self._length = 0
        elif name == "v" or (name == "t" and self._kind == "inlineStr"):
            self._is_value = True
        elif name == "rPh":
            self._kind = "phonetic"
        elif name == "row":
            told = attributes.get("r", "")
            number = int(told) if told.isdigit() and len(told) < 9 else 0
            self._number = max(number, self._number + 1)
            self._place = -1
            self._cells = []

    def _text(self, characters: str) -> None:
        if self._is_value:
            self._length += len(characters)
            if self._length > LONGEST:
                raise ListUnreadable("zip_bomb", "A text of the workbook is endless.")
            self._parts.append(characters)

    def _end(self, name: str) -> None:
        if name == "v" or name == "t":
            self._is_value = False
        elif name == "c":
            if self._parts:
                self._add(self._cell("".join(self._parts)))
        elif name == "row":
            self._rows.append(Record(self._number, self._cells))
        elif name == "rPh":
            self._kind = "inlineStr"

    def _add(self, cell: Cell) -> None:
        if cell == "":
            return
        place = min(self._place, self._max_columns)  # one column too many is enough to be told
        missing = place - len(self._cells)
        if missing < 0:  # the cells are not in order
            self._cells[place] = cell
            return
        if missing:
            self._cells += [""] * missing
        self._cells.append(cell)

    def _cell(self, text: str) -> Cell:
        kind = self._kind
        if kind == "s":
            try:
                return _unescape(self._strings[int(text)])
            except (ValueError, IndexError):
                return ""
        if kind == "n":
            style = int(self._style) if self._style.isdigit() and len(self._style) < 9 else 0
            meant = self._formats[style] if style < len(self._formats) else GENERAL
            if meant is GENERAL and text.isdigit() and text.isascii() and len(text) < 16:
                return text.lstrip("0") or "0"
            try:
                return formatted(read_number(text.strip()), meant, self._epoch)
            except ArithmeticError:
                return text
        if kind == "b":
            return "true" if text.strip() == "1" else "false"
        return _unescape(text)

    def _position(self, reference: str) -> int:
        letters = reference.rstrip(_DIGITS)
        place = self._places.get(letters)
        if place is None:
            place = 0
            for letter in letters.upper()[:4]:
                place = place * 26 + ord(letter) - 64 if "A" <= letter <= "Z" else place
            place -= 1
            if len(self._places) < 20_000:
                self._places[letters] = place
        return max(place, 0)


def _unescape(text: str) -> str:
    """_x000D_ is how characters are written that XML cannot hold; those that no text should hold are left out."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character.isprintable() or character in "\t\n\r" else ""
