"""Tells the kind of a file by what is in it, whatever it is called, and opens it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.workloads.price_lists.reading.delimited import DelimitedFile
from daemon.workloads.price_lists.reading.options import Options
from daemon.workloads.price_lists.reading.table import Book


def open_book(
    path: Path, options: Options, known: Callable[[Sequence[Sequence[str]]], int], tick: Callable[[], None]
) -> Book:
    """Raises ListUnreadable for what is no list of a kind that can be read."""
    return DelimitedFile(path, options, known, tick)
