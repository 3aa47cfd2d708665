"""Finds out the encoding of a text file, by its bytes."""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from daemon.workloads.price_lists.reading.alphabets import likeness
from daemon.workloads.price_lists.reading.refusal import ListUnreadable

_PIECE = 1 << 20  # bytes read at once; and no line is longer
_SAMPLE = 1 << 16  # bytes of lines that are not ASCII, for a guess

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Of those that fit equally well, the first.
_SINGLE_BYTE = (
    "cp1252",
    "cp1250",
    "cp1251",
    "iso8859_15",
    "iso8859_2",
    "cp1254",
    "cp1257",
    "cp1253",
    "koi8_r",
    "koi8_u",
    "cp866",
    "cp850",
    "cp852",
    "mac_roman",
    "mac_cyrillic",
)
_OTHER_SCRIPTS = [
    "cp932", "shift_jis", "euc_jp", "gb18030", "big5", "cp949", "euc_kr", "cp1255", "cp1256", "cp1258", "cp874",
]  # fmt: skip

_SURE = 0.9  # at least this much of a text must fit a language, or it is asked whether it is another script
_FEW, _BINARY = 100, 0.01  # NUL bytes, in all and as a share: with more a file is no text


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes are to be read; `confidence` from 0 to 1 is below 1 for a guess only."""

    name: str
    confidence: float = 1.0
    nul_bytes: int = 0  # they are left out of the text


def detect_encoding(path: Path, beat: Callable[[], None]) -> Encoding:
    """By the byte order mark, else UTF-8 if all of the file is, else UTF-16 by its NUL bytes, else a guess.

    Raises ListUnreadable when the file is no text, or has a line of over a million bytes.
    """
    with path.open("rb") as file:
        head = file.read(4096)
        marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
        if marked is None and (wide := _wide_by_nuls(head)):
            return Encoding(wide, 0.95)
        if marked in {"utf-16", "utf-32"}:
            return Encoding(marked)
        file.seek(0)
        utf8 = codecs.getincrementaldecoder("utf-8")()
        is_utf8, nul_bytes, size, sample, unbroken = True, 0, 0, bytearray(), 0
        while piece := file.read(_PIECE):
            beat()
            size += len(piece)
            nul_bytes += piece.count(b"\0")
            unbroken = 0 if b"\n" in piece or b"\r" in piece else unbroken + len(piece)
            if unbroken >= _PIECE:
                raise ListUnreadable("not_a_list", "The file has a line of more than a million characters.")
            if is_utf8:
                try:
                    utf8.decode(piece)
                except UnicodeDecodeError:
                    is_utf8 = False
            if len(sample) < _SAMPLE and not piece.isascii():
                sample += b"\n".join(line for line in piece.splitlines() if not line.isascii())[:_SAMPLE]
        try:
            utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    if nul_bytes > max(_FEW, size * _BINARY):
        raise ListUnreadable("not_a_list", "The file is neither text nor a workbook of a known kind.")
    if is_utf8:
        return Encoding(marked or "utf-8", 1.0, nul_bytes)
    if marked:  # damaged, or other text was appended to it
        return Encoding(marked, 0.5, nul_bytes)
    name, confidence = _guess(bytes(sample[:_SAMPLE]))
    return Encoding(name, confidence, nul_bytes)


def _wide_by_nuls(head: bytes) -> str | None:
    """UTF-16 without a mark: of mostly western text every other byte is NUL."""
    for name, high, low in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if all(
            len(part) >= 4 and part[high::2].count(0) > len(part) * 0.3 and part[low::2].count(0) < len(part) * 0.05
            for part in (head[:24], head)
        ):
            return name
    return None


def _guess(sample: bytes) -> tuple[str, float]:
    """The encoding in which the sample looks most like one language; charset-normalizer is asked for other scripts."""
    fits: list[tuple[float, str]] = []
    for name in _SINGLE_BYTE:
        try:
            fits.append((likeness(sample.decode(name)), name))
        except UnicodeDecodeError:
            continue
    best, name = max(fits, key=lambda fit: fit[0])
    if best < _SURE:
        found = charset_normalizer.from_bytes(sample, steps=5, chunk_size=512, cp_isolation=_OTHER_SCRIPTS).best()
        if found is not None and found.encoding in _OTHER_SCRIPTS:
            return found.encoding, round(min(0.9, 1 - found.chaos), 2)
    return name, round(best * 0.95, 2)
