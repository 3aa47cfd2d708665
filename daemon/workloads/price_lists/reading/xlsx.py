"""XLSX workbooks, read as a stream: a million lines take no more memory than a thousand."""

import posixpath
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from daemon.workloads.price_lists.reading.archive import open_archive
from daemon.workloads.price_lists.reading.cell import Block, Record
from daemon.workloads.price_lists.reading.number_formats import read_formats
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.price import DecimalSign
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.shared_strings import SharedStrings, read_shared_strings
from daemon.workloads.price_lists.reading.table import SAMPLE
from daemon.workloads.price_lists.reading.worksheet import Surroundings, Worksheet
from daemon.workloads.price_lists.reading.xml import parse_all

_BLOCK = 500  # rows
_SHEETS = 200


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    member: str
    is_hidden: bool


class XlsxBook:
    """An XLSX file that is open; its texts stand in a temporary file until it is closed."""

    def __init__(self, path: Path, options: Options, beat: Callable[[], None]) -> None:
        """Raises ListUnreadable."""
        self._beat = beat
        self._archive = open_archive(path, options.max_unpacked_mb * 1_000_000)
        self._strings = SharedStrings()
        try:
            self._members = {name.replace("\\", "/").lower().lstrip("/"): name for name in self._archive.namelist()}
            self._sheets, surroundings = self._open(options)
        except BaseException:
            self.close()
            raise
        self._tables = [
            XlsxTable(self._archive, sheet.name, sheet.member, surroundings, beat)
            for sheet in self._sheets
            if not sheet.is_hidden
        ]

    @property
    def facts(self) -> Mapping[str, object]:
        hidden = [sheet.name for sheet in self._sheets if sheet.is_hidden]
        return {"kind": "xlsx"} | ({"hidden_sheets": hidden} if hidden else {})

    @property
    def tables(self) -> "Sequence[XlsxTable]":
        return self._tables

    def close(self) -> None:
        self._archive.close()
        self._strings.close()

    def _open(self, options: Options) -> tuple[Sequence[_Sheet], Surroundings]:
        roots = self._relations("")
        workbook = next((target for kind, target in roots.values() if kind == "officeDocument"), "xl/workbook.xml")
        if workbook.lower() not in self._members:
            raise ListUnreadable("damaged", "The file is a zip archive, but the workbook in it is missing.")
        related = self._relations(workbook)
        sheets, is_1904 = self._read_workbook(workbook, related)
        formats = []
        for kind, target in related.values():
            member = self._members.get(target.lower())
            if member is None:
                continue
            if kind == "sharedStrings":
                read_shared_strings(self._archive, member, self._strings, self._beat)
            elif kind == "styles":
                formats = list(read_formats(self._archive, member, self._beat))
        epoch = date(1904, 1, 1) if is_1904 else date(1899, 12, 30)
        return sheets, Surroundings(self._strings, formats, epoch, options.max_columns)

    def _read_workbook(self, workbook: str, related: Mapping[str, tuple[str, str]]) -> tuple[Sequence[_Sheet], bool]:
        sheets: list[_Sheet] = []
        is_1904 = False

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal is_1904
            if name == "workbookPr":
                is_1904 = attributes.get("date1904") in {"1", "true", "on"}
            elif name == "sheet" and len(sheets) < _SHEETS:
                id_ = next((value for key, value in attributes.items() if key.endswith(":id")), "")
                kind, target = related.get(id_, ("", ""))
                member = self._members.get(target.lower())
                if kind == "worksheet" and member is not None:
                    is_hidden = attributes.get("state", "visible") != "visible"
                    sheets.append(_Sheet(attributes.get("name", "")[:100], member, is_hidden))

        parse_all(self._archive, self._members[workbook.lower()], start, self._beat)
        return sheets, is_1904

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Of a part, by their ids: the last word of the kind, and the member."""
        folder, name = posixpath.split(part)
        member = self._members.get(posixpath.join(folder, "_rels", f"{name}.rels").lower())
        found: dict[str, tuple[str, str]] = {}

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship" and len(found) < 10_000:
                target = attributes.get("Target", "").replace("\\", "/")
                whole = target if target.startswith("/") else posixpath.join(folder, target)
                kind = attributes.get("Type", "").rpartition("/")[2]
                found[attributes.get("Id", "")] = (kind, posixpath.normpath(whole).lstrip("/"))

        if member is not None:
            parse_all(self._archive, member, start, self._beat)
        return found


class XlsxTable:
    """One sheet."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        name: str,
        member: str,
        surroundings: Surroundings,
        beat: Callable[[], None],
    ) -> None:
        self.name = name
        self.likely_decimal: DecimalSign | None = None
        self._archive = archive
        self._member = member
        self._surroundings = surroundings
        self._beat = beat
        self._size = archive.getinfo(member).file_size
        self._sheet: Worksheet | None = None

    def sample(self) -> Sequence[Record]:
        return list(islice(self._open().rows(), SAMPLE))

    def blocks(self, width: int) -> Iterator[Block]:
        self._sheet = self._open()
        rows = self._sheet.rows()
        while block := list(islice(rows, _BLOCK)):
            numbers, cells = zip(*block, strict=True)
            yield Block(numbers, cells)

    def share(self) -> float | None:
        return min(1.0, self._sheet.size / self._size) if self._sheet is not None and self._size else None

    def _open(self) -> Worksheet:
        return Worksheet(self._archive, self._member, self._surroundings, self._beat)
