"""Logs: one JSON object a line with stable keys, whoever logs, whatever the text."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import psycopg_pool
import pytest
import structlog

from daemon.logs import configure_logs

HOSTILE = "a\nb\r\x1b[2J\x1b]0;title\x07\x9b31m\u202e\x00\ud800"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, saved = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**saved)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def json_logs(level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(level, "json", stream)
    return stream


def test_an_event_is_one_json_object_with_name_level_and_time() -> None:
    stream = json_logs()
    with structlog.contextvars.bound_contextvars(worker="w1", workload="categorization"):
        structlog.get_logger().info("slice.settled", items=500, duration_ms=41.5)
    (event,) = lines(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "slice.settled",
        "level": "info",
        "items": 500,
        "duration_ms": 41.5,
        "worker": "w1",
        "workload": "categorization",
    }


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_nothing_below_the_level_is_logged(level: str) -> None:
    stream = json_logs(level)
    levels = ["debug", "info", "warning", "error"]
    for name in levels:
        getattr(structlog.get_logger(), name)("x.tried")
    assert [event["level"] for event in lines(stream)] == levels[levels.index(level) :]


def test_a_library_goes_the_same_way() -> None:
    stream = json_logs()
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "catalogd", HOSTILE)
    logging.getLogger("psycopg.pool").info("growing")
    (event,) = lines(stream)
    assert (event["event"], event["level"], event["logger"]) == ("library.warning", "warning", "psycopg.pool")
    assert event["message"] == f"error connecting in 'catalogd': {HOSTILE}"


def test_a_real_librarys_warning_is_json_without_the_password() -> None:
    stream = json_logs()
    dsn = "postgresql://u:s3cret@127.0.0.1:1/db"
    pool = psycopg_pool.ConnectionPool(dsn, min_size=1, open=False)
    with pool, pytest.raises(psycopg_pool.PoolTimeout):
        pool.wait(timeout=0.5)
    assert any(event["logger"] == "psycopg.pool" for event in lines(stream))
    assert "s3cret" not in stream.getvalue()


@pytest.mark.parametrize("logger", ["structlog", "library"])
def test_an_exception_tells_its_frames_and_no_locals(logger: str) -> None:
    stream = json_logs()
    local = "s3cret"
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        if logger == "structlog":
            structlog.get_logger().error("thread.crashed", exc_info=True)
        else:
            logging.getLogger("lib").exception("it broke")
    (event,) = lines(stream)
    (exception,) = event["exception"]
    assert (exception["exc_type"], exception["exc_value"]) == ("ValueError", str(ValueError(HOSTILE)))
    assert exception["frames"][0]["name"] == "test_an_exception_tells_its_frames_and_no_locals"
    assert "locals" not in exception["frames"][0]
    assert local not in stream.getvalue()


def test_hostile_text_stays_in_its_json_value() -> None:
    stream = json_logs()
    structlog.get_logger().info("item.failed", reason=HOSTILE, values=[HOSTILE], nested={HOSTILE: HOSTILE})
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().strip().isprintable()
    (event,) = lines(stream)
    assert event["reason"] == HOSTILE
    assert event["nested"] == {HOSTILE: HOSTILE}


def test_what_json_cannot_say_does_not_break_the_line() -> None:
    stream = json_logs()
    structlog.get_logger().info("x.tried", thing=object(), data=b"\xff\n", number=2**70)
    (event,) = lines(stream)
    assert event["data"] == repr(b"\xff\n")


def test_a_long_text_is_cut() -> None:
    stream = json_logs()
    structlog.get_logger().info("item.failed", reason="x" * 100_000)
    logging.getLogger("lib").warning("y" * 100_000)
    assert [len(line) < 3000 for line in stream.getvalue().splitlines()] == [True, True]


@pytest.mark.parametrize("style", ["auto", "pretty"])
def test_on_a_terminal_hostile_text_does_nothing(style: str) -> None:
    stream = Terminal()
    configure_logs("info", style, stream)
    structlog.get_logger().info("item.failed", reason=HOSTILE, values=[HOSTILE])
    logging.getLogger(f"lib{HOSTILE}").warning(HOSTILE)
    assert stream.getvalue().count("\n") == 2
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        structlog.get_logger().error("thread.crashed", exc_info=True)
    for raw in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\u202e", "\r", "\x00"):
        assert raw not in stream.getvalue()


def test_auto_is_json_where_nobody_looks_and_pretty_on_a_terminal() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        configure_logs("info", "auto", stream)
        structlog.get_logger().info("x.tried")
    assert lines(pipe)[0]["event"] == "x.tried"
    assert not terminal.getvalue().startswith("{")
    assert "x.tried" in terminal.getvalue()
