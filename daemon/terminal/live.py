"""The same picture again and again: a screen that is renewed, pages in a pipe, a JSON object a line for scripts."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from time import monotonic
from typing import Protocol

import psycopg
from rich.console import Console
from rich.text import Text

from daemon.batches.attendance import Attendance
from daemon.engine.status import BatchStatus
from daemon.errors import DaemonError
from daemon.terminal.board import WARNING, draw_picture, print_picture
from daemon.terminal.canvas import Canvas
from daemon.terminal.lifeline import Lifeline
from daemon.terminal.pace import Paces
from daemon.terminal.picture import Picture, read_picture
from daemon.terminal.words import for_json, how_long
from daemon.workloads.kind import Kind

LOOK_EVERY_S = 1.0


class Show(Protocol):
    """Draws a picture; with a sentence of trouble the last one, which is out of date."""

    def __call__(self, picture: Picture, trouble: str) -> None: ...


class Looker:
    """Looks at the same again and again, and so knows how fast the batches are."""

    def __init__(self, lifeline: Lifeline, kinds: Sequence[Kind], batch_id: int | None) -> None:
        self._lifeline = lifeline
        self._kinds = kinds
        self._batch_id = batch_id
        self._paces = Paces()
        self._attendance = Attendance()

    def look(self) -> Picture:
        """Raises psycopg's errors, and DaemonError for a schema that has become another's."""
        with self._lifeline.connection() as conn:
            picture = read_picture(conn, self._kinds, self._batch_id)
        running = [each for each in picture.listed if each.batch.status == BatchStatus.PROCESSING]
        rates = self._paces.see({each.key: each.batch.processed for each in running}, monotonic())
        return picture.with_rates(rates).attended(self._attendance, monotonic())


def watch(looker: Looker, show: Show, explain: Callable[[Exception], str], pause: Event) -> None:
    """Until somebody interrupts or sets `pause`. A database that is away later is told of, and waited for; that nobody
    finds it at the beginning is the caller's to tell."""
    picture, seen_at = looker.look(), monotonic()
    show(picture, "")
    while not pause.wait(LOOK_EVERY_S):
        try:
            picture, seen_at = looker.look(), monotonic()
        except (psycopg.Error, DaemonError) as error:
            show(picture, f"{how_long(monotonic() - seen_at)} old, trying again: {explain(error)}")
        else:
            show(picture, "")


@contextmanager
def shown_live(console: Console, title: str, *, of_one: bool) -> Iterator[Show]:
    """A screen of its own on a terminal, which is afterwards as it was before; pages elsewhere."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield _pages(console, of_one=of_one)
        return
    with Canvas(console) as canvas:

        def draw(picture: Picture, trouble: str) -> None:
            head = [Text(f"{title}, {datetime.now().astimezone():%H:%M:%S}; Ctrl-C ends", style="dim")]
            head += [Text(trouble, style=f"bold {WARNING}")] if trouble else []
            canvas.paint(draw_picture(picture, head, *canvas.size, of_one=of_one))

        yield draw


def _pages(console: Console, *, of_one: bool) -> Show:
    def page(picture: Picture, trouble: str) -> None:
        console.print(f"{datetime.now().astimezone():%H:%M:%S} {trouble}".rstrip(), markup=False, emoji=False)
        if not trouble:
            print_picture(console, picture, of_one=of_one)
        console.print()
        console.file.flush()

    return page


def show_json(picture: Picture, trouble: str) -> None:
    """A line: the picture, or the trouble alone."""
    found = {"trouble": trouble} if trouble else picture.as_json
    sys.stdout.write(json.dumps({"at": datetime.now(UTC).isoformat()} | found, default=for_json) + "\n")
    sys.stdout.flush()
