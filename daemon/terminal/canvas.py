"""A screen of its own on a terminal. Only the lines that have changed are written: a slow line is not kept busy."""

from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType

CLEAR, CLEAR_LINE = "\x1b[2J", "\x1b[K"


class Canvas:
    """Afterwards the terminal is as it was before, however the block ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[str] = []
        self._size: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        self._console.set_alt_screen(True)
        self._console.show_cursor(False)
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._console.show_cursor(True)
        self._console.set_alt_screen(False)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        return self._console.size

    def paint(self, picture: RenderableType) -> None:
        """What does not fit below is not shown."""
        width, height = size = self.size
        with self._console.capture() as written:
            self._console.print(picture, width=width)
        lines = written.get().splitlines()[:height]
        is_new = size != self._size
        before = [] if is_new else self._lines
        text = CLEAR if is_new else ""
        for place in range(max(len(lines), len(before))):
            line = lines[place] if place < len(lines) else ""
            if place >= len(before) or line != before[place]:
                text += f"\x1b[{place + 1};1H{line.rstrip()}{CLEAR_LINE}"
        self._lines, self._size = lines, size
        self._console.file.write(text)
        self._console.file.flush()
