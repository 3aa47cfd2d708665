"""A clock for single processes that a test sets while they run (libfaketime; its package is `faketime`)."""

from __future__ import annotations

from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Clock:
    """The time of day of every process that is started with `environment`. Their monotonic clock is the real one."""

    def __init__(self, directory: Path) -> None:
        self._offset = directory / "clock"
        self.put(0)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def put(self, hours: int) -> None:
        """From now on it is that much ahead of the real time, or behind."""
        new = self._offset.with_suffix(".new")
        new.write_text(f"{hours:+d}h\n", encoding="ascii")
        new.replace(self._offset)
