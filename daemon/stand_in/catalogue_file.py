"""Reads a catalogue from a CSV file, plain or gzipped, row by row."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Self

from daemon.stand_in.importing import COLUMNS, IncomingRow

LONGEST_CELL = 16_000_000  # characters; a quote that is never closed must not swallow a large file


class FileRefused(Exception):
    """The file cannot be imported; the message names file and line."""

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{path}{f', line {line}' if line else ''}: {reason}")


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Rows with this text in this column are loaded without their category."""

    column: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "column=value". Raises ValueError without a column or without "="."""
        column, sign, value = text.partition("=")
        if not (column and sign):
            raise ValueError(f"{text!r} is not of the form COLUMN=VALUE; example: --hold-out split=dev")
        return cls(column, value)


class CatalogueFile:
    """A file whose header is known to be right. Reading starts anew with every call of `rows`."""

    def __init__(self, path: Path, hold_out: Sequence[HoldOut] = ()) -> None:
        """Raises FileRefused when there is no such file, or no header with the columns that are needed."""
        self.path = path
        self._hold_out = hold_out
        with _opened(path) as file:
            self._header = self._read_header(_Records(path, file))

    @property
    def columns(self) -> list[str]:
        """Those of the known columns that the file has."""
        return [column for column in COLUMNS if column in self._header]

    def has(self, column: str) -> bool:
        """Whether the file has this column, known or not."""
        return column in self._header

    def rows(self) -> Iterator[IncomingRow]:
        """Every row; empty text is None. Raises FileRefused at the first that is wrong."""
        return (row for row, _ in self.rows_with("sku"))

    def rows_with(self, column: str) -> Iterator[tuple[IncomingRow, str]]:
        """Every row, with what stands in this column, which the file must have."""
        width = len(self._header)
        places = {column: place for place, column in enumerate(self._header)}
        # A column that the file lacks is read from the end of the row, where an empty cell is put.
        pick = itemgetter(*(places.get(column, width) for column in COLUMNS))
        held_out = [(places[each.column], each.value) for each in self._hold_out]
        with _opened(self.path) as file:
            records = _Records(self.path, file)
            next(records)
            for cells in records:
                if len(cells) != width:
                    raise records.refused(f"{len(cells)} cells, but the header has {width}")
                is_held_out = any(cells[place] == value for place, value in held_out)
                beside = cells[places[column]]
                cells.append("")
                sku, *others = [cell or None for cell in pick(cells)]
                if sku is None:
                    raise records.refused("the sku is empty")
                yield IncomingRow._make((records.line, sku, *others, is_held_out)), beside

    def line_of(self, row: int) -> int:
        """The line on which a row begins, the first row being 1; for messages, by reading the file again."""
        return next(islice(self.rows(), row - 1, None)).line

    def _read_header(self, records: "_Records") -> list[str]:
        header = [name.strip() for name in next(records, [])]
        if not header:
            raise FileRefused(self.path, None, "it is empty: the first line must name the columns")
        if "sku" not in header:
            raise records.refused(f"no column is called sku; the columns are: {', '.join(header)[:200]}")
        repeated = {name for name in header if header.count(name) > 1 and (name in COLUMNS or self._uses(name))}
        if repeated:
            raise records.refused(f"the column {min(repeated)} stands there twice")
        for each in self._hold_out:
            if each.column not in header:
                raise records.refused(f"--hold-out: no column is called {each.column}")
        return header

    def _uses(self, column: str) -> bool:
        return any(each.column == column for each in self._hold_out)


class _Records:
    """The records of a CSV file as lists of cells, blank lines left out; `line` is where the latest one begins."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.line = 0
        self._path = path
        # Bytes that are no UTF-8 become surrogates, so that the line is known in which they stand.
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        csv.field_size_limit(LONGEST_CELL)
        self._reader = csv.reader(self._lines(), strict=True)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[str]:
        cells: list[str] = []
        while not cells:
            self.line = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except csv.Error as error:
                raise self.refused(f"this is not CSV: {error}") from error
        return cells

    def refused(self, reason: str) -> FileRefused:
        return FileRefused(self._path, self.line, reason)

    def _lines(self) -> Iterator[str]:
        number = 0
        try:
            for number, line in enumerate(self._text, start=1):
                if "\0" in line:
                    raise FileRefused(self._path, number, "a NUL character; the file must be text in UTF-8")
                try:
                    line.encode()
                except UnicodeEncodeError:
                    raise FileRefused(self._path, number, "this is not UTF-8") from None
                yield line
        except gzip.BadGzipFile as error:
            if number == 0:
                raise FileRefused(self._path, None, "it is called .gz, but is not a gzip file") from error
            raise FileRefused(self._path, number + 1, "the gzip file is damaged from here on") from error
        except (EOFError, zlib.error) as error:
            raise FileRefused(self._path, number + 1, "the gzip file is damaged from here on") from error
        except OSError as error:
            raise FileRefused(self._path, number + 1, f"it cannot be read: {error.strerror}") from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise FileRefused(path, None, "there is no such file") from error
    except OSError as error:
        raise FileRefused(path, None, f"it cannot be read: {error.strerror}") from error
    with file:
        if path.suffix == ".gz":
            with gzip.open(file) as unpacked:
                yield unpacked  # type: ignore[misc]
        else:
            yield file
