"""Text files whose lines are cut by a delimiter."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from daemon.workloads.price_lists.reading.cell import Block, Record
from daemon.workloads.price_lists.reading.dialect import detect_dialect
from daemon.workloads.price_lists.reading.encoding import Encoding, detect_encoding
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.price import DecimalSign
from daemon.workloads.price_lists.reading.records import blocks_of
from daemon.workloads.price_lists.reading.refusal import ListUnreadable
from daemon.workloads.price_lists.reading.table import SAMPLE, Table

_SHAPE = 200  # lines by which the dialect is found out


class DelimitedFile:
    """A text file as a book of one table."""

    def __init__(
        self,
        path: Path,
        options: Options,
        known: Callable[[Sequence[Sequence[str]]], int],
        beat: Callable[[], None],
    ) -> None:
        """`known` counts the columns that rows name. Raises ListUnreadable."""
        self._path = path
        self._size = path.stat().st_size
        self._encoding = Encoding(options.encoding) if options.encoding else detect_encoding(path, beat)
        self._binary: io.BufferedReader | None = None
        self._skipped = 0
        with self._open() as text:
            lines = list(islice(self._lines(text), _SHAPE))
        delimiter: str | None = options.delimiter
        if lines and lines[0].strip().lower().startswith("sep=") and len(lines[0].strip()) == 5:
            delimiter = delimiter or lines[0].strip()[4]  # how Excel is told the delimiter
            self._skipped = 1
        if not any(line.strip() for line in lines):
            raise ListUnreadable("empty", "The file is empty.")
        self._dialect = detect_dialect(lines[self._skipped :], delimiter, known)
        self.name = None
        self.likely_decimal: DecimalSign | None = "," if self._dialect.delimiter == ";" else None

    @property
    def facts(self) -> Mapping[str, object]:
        facts: dict[str, object] = {
            "kind": "csv",
            "encoding": self._encoding.name,
            "encoding_confidence": self._encoding.confidence,
            "delimiter": self._dialect.delimiter,
            "quote": self._dialect.quote,
        }
        if self._dialect.escape:
            facts["escape"] = self._dialect.escape
        if self._encoding.nul_bytes:
            facts["nul_bytes"] = self._encoding.nul_bytes
        return facts

    @property
    def tables(self) -> Sequence[Table]:
        return [self]

    def close(self) -> None:
        """Nothing stays open between calls."""

    def sample(self) -> Sequence[Record]:
        with self._open() as text:
            lines = list(islice(self._lines(text), SAMPLE))
        # How wide its rows are is not known yet: the usual width goes.
        records = [
            Record(number, row)
            for block in blocks_of(iter(lines), self._dialect, self._usual_width(lines))
            for number, row in zip(block.numbers, block.rows, strict=True)
        ]
        return [record for record in records if record.number > self._skipped]

    def blocks(self, width: int) -> Iterator[Block]:
        with self._open() as text:
            yield from blocks_of(self._lines(text), self._dialect, width)

    def share(self) -> float | None:
        if self._binary is None or self._binary.closed or not self._size:
            return None
        return min(1.0, self._binary.tell() / self._size)

    def _usual_width(self, lines: Sequence[str]) -> int:
        widths = [len(row) for row in self._dialect.reader(lines) if row]
        return max(set(widths), key=widths.count, default=0)

    def _open(self) -> io.TextIOWrapper:
        self._binary = self._path.open("rb")
        return io.TextIOWrapper(self._binary, encoding=self._encoding.name, errors="replace")

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        """Lines end in a newline, whatever they end in in the file."""
        if self._encoding.nul_bytes:
            return (line.replace("\0", "") for line in text)
        return iter(text)
