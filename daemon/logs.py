"""One JSON object per event on stdout, or lines for people on a terminal; other libraries' logs go the same way."""

import logging
import os
import sys
from io import StringIO
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_LONGEST = 2_000  # characters of one value: journald cuts a line at 48 KiB


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
        _keep_short,
    ]
    renderer: list[Processor]
    if is_pretty:
        renderer = [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_write_traceback)]
    else:
        transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
        renderer = [structlog.processors.ExceptionRenderer(transform), structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def _name_library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library's prose is a value; the event's name says whence it came."""
    record = event.get("_record")
    event["message"] = str(event.pop("event"))[:_LONGEST]
    event["event"] = f"library.{record.levelname.lower()}" if isinstance(record, logging.LogRecord) else "library.log"
    if isinstance(record, logging.LogRecord):
        event["logger"] = "".join(sign if sign.isprintable() else " " for sign in record.name)
    return event


def _write_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """For people; without what an error's text would do to their terminal."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write("".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text.getvalue()))


def _keep_short(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and len(value) > _LONGEST:
            event[key] = value[:_LONGEST] + "…"
    return event
