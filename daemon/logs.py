"""One JSON object per event on stdout, or lines for people on a terminal; other libraries' logs go the same way."""

import json
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping
from io import StringIO
from time import monotonic
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_LONGEST = 2_000  # characters of one text
_LONGEST_LINE = 32_000  # characters of all values of an event, as JSON: journald cuts a line at 48 KiB
_FEW, _BRIEF, _BRIEF_INT = 30, 80, 2**63  # values of an event, characters: no more than _LONGEST_LINE as JSON
_DEEPEST = 12  # levels of nesting; an exception's frames are on the fourth
_LARGEST = 2**256  # a whole number beyond is not written out: Python refuses to
_REPEAT_S = 3600.0
_MOST_TOLD = 100  # different warnings
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")
_FIRST = ("event", "level", "timestamp", "logger")  # have their place whatever else there is


class Steadfast:
    """A stream that never raises: a log whose reader has gone, or whose disk is full, must not take the daemon along.
    What cannot be written is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.isatty = stream.isatty

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:
            self._give_up(error)
            return 0

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        if isinstance(error, BrokenPipeError):  # for good: what is still buffered must not fail at exit either
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def configure_logs(level: str = "info", style: str = "auto", stream: TextIO | None = None) -> None:
    """Set up structlog and logging for the process. `style` is json, pretty, or auto: pretty on a terminal."""
    stream = cast("TextIO", Steadfast(stream or sys.stdout))
    is_pretty = style == "pretty" or (style == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor]
    if is_pretty:
        console = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_write_traceback)
        renderer = [_keep_short, _keep_harmless, console]
    else:
        transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
        exceptions = structlog.processors.ExceptionRenderer(transform)
        renderer = [exceptions, _keep_short, structlog.processors.JSONRenderer(allow_nan=False)]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(_Repetitions())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


class _Repetitions(logging.Filter):
    """Lets one an hour through of a library's warnings that differ in numbers alone: a pool warns of each attempt."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        now = self._clock()
        said = record.name, _NUMBER.sub("#", record.getMessage())
        if now - self._told.get(said, -math.inf) < _REPEAT_S:
            return False
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told[said] = now
        return True


def _name_library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library's prose is a value; the event's name says whence it came."""
    record = event.get("_record")
    event["message"] = str(event.pop("event"))
    event["event"] = f"library.{record.levelname.lower()}" if isinstance(record, logging.LogRecord) else "library.log"
    if isinstance(record, logging.LogRecord):
        event["logger"] = _printable(record.name)
    return event


def _write_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """For people; without what an error's text would do to their terminal."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write(_printable(text.getvalue()[:_LONGEST_LINE], but="\n"))


def _keep_harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """On a terminal: the renderer escapes texts that hold spaces, and leaves others as they are."""
    return {key: _printable(value) if isinstance(value, str) else value for key, value in event.items()}


def _printable(text: str, but: str = "") -> str:
    """A space for each sign that would move a cursor, turn the writing round or show as nothing at all."""
    return "".join(sign if sign.isprintable() or sign in but else " " for sign in text)


def _keep_short(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Whatever the values are, the event becomes a line of bounded length, and nothing that JSON cannot say is left."""
    if len(event) <= _FEW and all(map(_is_brief, event.values())):
        return event
    room = _Room()
    kept = {key: value for key, value in event.items() if key.startswith("_") or key == "exc_info"}  # not yet rendered
    for key in sorted(event, key=lambda key: key not in _FIRST):
        if key not in kept:
            kept[key] = room.fit(event[key])
    return {key: kept[key] for key in event}


class _Room:
    """What is left of a line."""

    def __init__(self) -> None:
        self._left = _LONGEST_LINE

    def fit(self, value: object, depth: int = 0) -> object:
        """The value, or as much of it as there is room for."""
        if _is_plain(value):
            self._left -= len(str(value))
            return value
        if isinstance(value, str):
            return self._cut(value)
        if isinstance(value, Mapping | list | tuple | set | frozenset) and depth < _DEEPEST:
            return self._fit_all(value, depth + 1)
        return self._cut(_describe(value))

    def _fit_all(self, values: Collection[object], depth: int) -> object:
        fitted: list[tuple[object, object]] = []
        for value in values:
            self._left -= 4  # a comma, and what else JSON puts around it
            if self._left <= 0:
                fitted.append(("…", "…"))
                break
            if isinstance(values, Mapping):
                name = value if isinstance(value, str) else _describe(value)
                fitted.append((self._cut(name), self.fit(values[value], depth)))
            else:
                fitted.append(("", self.fit(value, depth)))
        return dict(fitted) if isinstance(values, Mapping) else [value for _, value in fitted]

    def _cut(self, text: str) -> str:
        cut = text[:_LONGEST]
        written = len(json.dumps(cut))
        if written > max(self._left, 0):
            cut = cut[: max(self._left, 0) // 12]  # JSON writes one character as twelve at most
            written = len(json.dumps(cut))
        self._left -= written
        return cut if len(cut) == len(text) else cut + "…"


def _is_brief(value: object) -> bool:
    """Whether a few of these fit into any line: true of all values of nearly every event, and quickly told."""
    kind = type(value)
    return (
        (kind is str and len(cast("str", value)) <= _BRIEF)
        or (kind is int and -_BRIEF_INT < cast("int", value) < _BRIEF_INT)
        or (kind is float and math.isfinite(cast("float", value)))
    )


def _is_plain(value: object) -> bool:
    """Whether JSON says it as it is, and briefly."""
    return (
        value is None
        or (isinstance(value, int) and abs(value) < _LARGEST)
        or (isinstance(value, float) and math.isfinite(value))
    )


def _describe(value: object) -> str:
    if isinstance(value, int):
        return f"a number of {value.bit_length()} bits"
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # it is somebody else's, and may do anything
        return f"<{type(value).__name__}: {type(error).__name__}>"
