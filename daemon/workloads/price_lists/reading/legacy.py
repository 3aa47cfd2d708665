"""Workbooks of other kinds than XLSX, by calamine, which runs in a process of its own."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Literal

from daemon.workloads.price_lists.reading.archive import open_archive
from daemon.workloads.price_lists.reading.cell import Block, Record
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.price import DecimalSign
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.table import SAMPLE

_BLOCK = 500  # rows
_SHEETS = 100
_PATIENCE_S = 0.2  # between two beats while nothing comes
_UNPACKED = 300_000_000  # bytes: calamine holds all of a workbook in memory


class LegacyBook:
    """A workbook that calamine reads: all of a sheet is in memory, that of another process, whose memory is bounded."""

    def __init__(
        self, path: Path, kind: Literal["xls", "xlsb", "ods"], options: Options, beat: Callable[[], None]
    ) -> None:
        """Raises ListUnreadable."""
        if kind != "xls":
            open_archive(path, min(_UNPACKED, options.max_unpacked_mb * 1_000_000)).close()
        self._kind = kind
        self._folder = tempfile.TemporaryDirectory()
        try:
            link = Path(self._folder.name, f"list.{kind}")  # calamine goes by the name
            link.symlink_to(path.resolve())
            sheets = [json.loads(line) for line in islice(_ask(link, [], beat), _SHEETS)]
        except BaseException:
            self.close()
            raise
        self._hidden = [name for name, is_shown in sheets if not is_shown]
        self._tables = [
            LegacyTable(link, place, name, options, beat) for place, (name, is_shown) in enumerate(sheets) if is_shown
        ]

    @property
    def facts(self) -> Mapping[str, object]:
        return {"kind": self._kind} | ({"hidden_sheets": self._hidden} if self._hidden else {})

    @property
    def tables(self) -> "Sequence[LegacyTable]":
        return self._tables

    def close(self) -> None:
        self._folder.cleanup()


class LegacyTable:
    """One sheet."""

    def __init__(self, path: Path, place: int, name: str, options: Options, beat: Callable[[], None]) -> None:
        self.name = name
        self.likely_decimal: DecimalSign | None = None
        self._path = path
        self._place = place
        self._max_columns = options.max_columns
        self._beat = beat
        self._height = 0
        self._done = 0

    def sample(self) -> Sequence[Record]:
        return list(islice(self._rows(), SAMPLE))

    def blocks(self, width: int) -> Iterator[Block]:
        rows = self._rows()
        while block := list(islice(rows, _BLOCK)):
            numbers, cells = zip(*block, strict=True)
            self._done = numbers[-1]
            yield Block(numbers, cells)

    def share(self) -> float | None:
        return min(1.0, self._done / self._height) if self._height else None

    def _rows(self) -> Iterator[Record]:
        answers = _ask(self._path, [str(self._place), str(self._max_columns)], self._beat)
        first, self._height = json.loads(next(answers))
        for number, answer in enumerate(answers, start=first):
            yield Record(number, [cell if isinstance(cell, str) else Decimal(cell[0]) for cell in json.loads(answer)])


def _ask(path: Path, arguments: Sequence[str], beat: Callable[[], None]) -> Iterator[bytes]:
    """The lines that the process says. Raises ListUnreadable when it ends badly."""
    command = [sys.executable, "-m", "daemon.workloads.price_lists.reading.calamine_process", str(path), *arguments]
    with subprocess.Popen(  # noqa: S603  # a program of our own, no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101  # it is a pipe
            rest = b""
            while piece := _read(process.stdout.fileno(), beat):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
            code = process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
    if code:
        raise _refusal(rest)


def _read(descriptor: int, beat: Callable[[], None]) -> bytes:
    """What comes next; nothing at the end."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not selector.select(_PATIENCE_S):
            beat()
    beat()
    return os.read(descriptor, 1 << 16)


def _refusal(last: bytes) -> ListUnreadable:
    """By the word that the process left, or for one that left none."""
    if last == b"encrypted":
        return ListUnreadable("encrypted", "The workbook is protected by a password.")
    if last == b"too_many_columns":
        return ListUnreadable("too_many_columns", "A sheet of the workbook has too many columns.")
    if last == b"too_large":
        return ListUnreadable("too_large", "The workbook is too large to be read; please save it as XLSX or CSV.")
    return ListUnreadable("damaged", "The workbook is damaged, or of a kind that cannot be read.")
