"""Tells the kind of a file by what is in it, whatever it is called, and opens it."""

import mmap
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.workloads.price_lists.reading.delimited import DelimitedFile
from daemon.workloads.price_lists.reading.legacy import LegacyBook
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.table import Book
from daemon.workloads.price_lists.reading.xlsx import XlsxBook

_HEAD = 4096  # bytes looked at
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # compound file: XLS, and whatever Excel encrypts
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OTHERS = (  # first bytes, code, what it is
    (b"%PDF", "pdf", "a PDF document"),
    (b"\x1f\x8b", "archive", "a gzip archive; please unpack it"),
    (b"Rar!", "archive", "a RAR archive; please unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "archive", "a 7z archive; please unpack it"),
    (b"{\\rtf", "not_a_list", "an RTF document"),
    (b"\x89PNG", "image", "a picture"),
    (b"\xff\xd8\xff", "image", "a picture"),
    (b"GIF8", "image", "a picture"),
    (b"\x7fELF", "not_a_list", "a program"),
    (b"MZ\x90", "not_a_list", "a program"),
)
_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body|table|meta|div|script|title|style)\b",
    re.IGNORECASE | re.DOTALL,
)


def open_book(
    path: Path, options: Options, known: Callable[[Sequence[Sequence[str]]], int], beat: Callable[[], None]
) -> Book:
    """Raises ListUnreadable for what is no list of a kind that can be read.

    `known` counts the columns that rows name; `beat` is called often.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise ListUnreadable("empty", "The file is empty.")
    if head.startswith(_ZIP):
        return _open_zip(path, options, beat)
    if head.startswith(_OLE):
        _refuse_encrypted(path)
        return LegacyBook(path, "xls", options, beat)
    for first, code, what in _OTHERS:
        if head.startswith(first):
            raise ListUnreadable(code, f"The file is no price list, but {what}.")
    _refuse_markup(head)
    return DelimitedFile(path, options, known, beat)


def _open_zip(path: Path, options: Options, beat: Callable[[], None]) -> Book:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.replace("\\", "/").lower().lstrip("/") for name in archive.namelist()[:5000]}
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ListUnreadable("damaged", "The file begins like a workbook, but is damaged or cut off.") from error
    if "xl/workbook.bin" in names:
        return LegacyBook(path, "xlsb", options, beat)
    if "content.xml" in names:
        return LegacyBook(path, "ods", options, beat)
    if "xl/workbook.xml" in names or "_rels/.rels" in names:
        return XlsxBook(path, options, beat)
    raise ListUnreadable("archive", "The file is a zip archive, but no workbook; please unpack it.")


def _refuse_encrypted(path: Path) -> None:
    """A modern workbook with a password is a compound file, too, with a stream of this name in it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            raise ListUnreadable("encrypted", "The workbook is protected by a password.")


def _refuse_markup(head: bytes) -> None:
    """A page instead of a list: an error message, or a table that a shop's software calls .xls."""
    text = head.replace(b"\0", b"").decode("latin-1").removeprefix("ï»¿").removeprefix("ÿþ").removeprefix("þÿ")
    if _HTML.match(text) or (text.lower().startswith("mime-version:") and "html" in text.lower()):
        raise ListUnreadable(
            "html",
            "The file is a web page, not a price list; if it is a table saved as .xls, please save it as XLSX or CSV.",
        )
    start = text.lstrip()
    if start.startswith("<?xml") or re.match(r"<[a-z][\w:-]*[\s>/]", start, re.IGNORECASE):
        what = "an XML spreadsheet of Excel 2003" if "office:spreadsheet" in text else "XML"
        raise ListUnreadable("xml", f"The file is {what}, which is not read; please save it as XLSX or CSV.")
    if re.match(r'[\[{]\s*[\[{]?\s*"[^"]*"\s*:', start):
        raise ListUnreadable("json", "The file is JSON, not a price list.")
