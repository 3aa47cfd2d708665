"""The texts of a workbook, which its cells refer to by number."""

import tempfile
import zipfile
from array import array
from collections.abc import Callable
from functools import lru_cache

from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.xml import parse

LONGEST = 100_000  # characters of one; a spreadsheet allows 32,767
_TOGETHER = 256  # texts that are kept and fetched together
_AT_HAND = 256  # such groups in memory; cells refer to texts mostly in their order
_IN_MEMORY = 4_000_000  # bytes of all texts from which they go into a file


class SharedStrings:
    """Any number of texts in little memory: groups of them in a temporary file, those used last at hand."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed by close()
        self._ends = array("Q")  # of each group in the file
        self._group: list[str] = []
        self._load = lru_cache(_AT_HAND)(self._read)

    def append(self, text: str) -> None:
        self._group.append(text)
        if len(self._group) == _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """To be called behind the last one."""
        if self._group:
            # NUL is the one character that XML cannot hold.
            self._file.write("\0".join(self._group).encode())
            self._ends.append(self._file.tell())
            self._group = []

    def __getitem__(self, number: int) -> str:
        """Raises IndexError."""
        if number < 0:
            raise IndexError(number)
        return self._load(number // _TOGETHER)[number % _TOGETHER]

    def close(self) -> None:
        self._file.close()

    def _read(self, group: int) -> list[str]:
        begin = self._ends[group - 1] if group else 0
        self._file.seek(begin)
        return self._file.read(self._ends[group] - begin).decode().split("\0")


def read_shared_strings(archive: zipfile.ZipFile, member: str, into: SharedStrings, beat: Callable[[], None]) -> None:
    """Raises ListUnreadable."""
    parts: list[str] = []
    length = 0
    is_text = False
    is_phonetic = False  # how a Japanese text is spoken

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal is_text, is_phonetic, length
        if name == "t":
            is_text = not is_phonetic
        elif name == "si":
            parts.clear()
            length = 0
        elif name == "rPh":
            is_phonetic = True

    def end(name: str) -> None:
        nonlocal is_text, is_phonetic
        if name == "t":
            is_text = False
        elif name == "si":
            into.append("".join(parts))
        elif name == "rPh":
            is_phonetic = False

    def text(characters: str) -> None:
        nonlocal length
        if is_text:
            length += len(characters)
            if length > LONGEST:
                raise ListUnreadable("zip_bomb", "A text of the workbook is endless.")
            parts.append(characters)

    for _ in parse(archive, member, start, end, text, beat):
        pass
    into.flush()
