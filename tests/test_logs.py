"""Logs: one JSON object a line with stable keys, whoever logs, whatever the text."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg_pool
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_librarys_warning_is_told_once_until_it_says_something_else() -> None:
    stream = json_logs()
    pool = logging.getLogger("psycopg.pool")
    for port in range(5000, 5040):
        pool.warning("error connecting in %r: %s", "catalogd", f"port {port}: refused")
        pool.warning("reconnection attempt in pool %r failed after %s sec", "catalogd", 2.0)
    pool.warning("error connecting in %r: %s", "catalogd", "password authentication failed")
    for _ in range(2):
        pool.error("a defect")
    assert [event["message"] for event in lines(stream)] == [
        "error connecting in 'catalogd': port 5000: refused",
        "reconnection attempt in pool 'catalogd' failed after 2.0 sec",
        "error connecting in 'catalogd': password authentication failed",
        "a defect",
        "a defect",
    ]


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


def test_on_a_terminal_a_long_error_is_cut() -> None:
    stream = Terminal()
    configure_logs("info", "pretty", stream)
    try:
        raise ValueError("x" * 100_000)
    except ValueError:
        structlog.get_logger().error("thread.crashed", exc_info=True)
    assert len(stream.getvalue()) < 40_000


def test_auto_is_json_where_nobody_looks_and_pretty_on_a_terminal() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        configure_logs("info", "auto", stream)
        structlog.get_logger().info("x.tried")
    assert lines(pipe)[0]["event"] == "x.tried"
    assert not terminal.getvalue().startswith("{")
    assert "x.tried" in terminal.getvalue()


LONGEST_LINE = 48 * 1024  # journald's


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def nested(depth: int) -> object:
    value: object = "core"
    for _ in range(depth):
        value = {"deeper": [value]}
    return value


TEXTS = st.text(st.characters(), max_size=30) | st.sampled_from([HOSTILE, "x" * 1_000_000, "\U0010ffff" * 100_000])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(TEXTS | st.integers() | st.tuples(st.integers()), inner, max_size=5)
        | inner.map(lambda value: [value] * 2_000)
    ),
    max_leaves=10,
)


def assert_one_bounded_line(text: str) -> dict[str, Any]:
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert text.strip().isascii()
    assert text.strip().isprintable()
    assert len(text) < LONGEST_LINE
    event: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    return event


@given(st.dictionaries(st.sampled_from(["reason", "item", "error", "hint", "values"]), VALUES))
def test_whatever_is_logged_is_one_bounded_line_of_json(values: dict[str, Any]) -> None:
    stream = json_logs()
    structlog.get_logger().warning("item.failed", **values)
    event = assert_one_bounded_line(stream.getvalue())
    assert (event["event"], event["level"]) == ("item.failed", "warning")
    assert event["timestamp"].endswith("Z")
    assert values.keys() <= event.keys()


@given(st.lists(TEXTS, min_size=1, max_size=30), st.booleans())
def test_whatever_an_error_says_is_one_bounded_line_of_json(messages: list[str], by_library: bool) -> None:
    stream = json_logs()
    error: Exception | None = None
    for message in messages:
        cause, error = error, ValueError(message)
        error.__cause__ = cause
        error.add_note(message)
    if by_library:
        logging.getLogger("lib").error("%s", error, exc_info=error)
    else:
        structlog.get_logger().error("thread.crashed", exc_info=error)
    event = assert_one_bounded_line(stream.getvalue())
    assert event["exception"][0]["exc_type"] == "ValueError"
    assert event["event"] in ("library.error", "thread.crashed")


@given(VALUES)
def test_whatever_is_logged_does_nothing_to_a_terminal(value: object) -> None:
    assert_harmless_on_a_terminal(value)


ODD: dict[str, object] = {  # hypothesis cannot even show some of them
    "5,001 digits": 10**5000,
    "301 bits": -(2**300),
    "no repr": Unspeakable(),
    "an object": object(),
    "not a number": float("nan"),
    "many bytes": b"x" * 100_000,
    "much of it": HOSTILE * 50_000,
    "deep": nested(10_000),
    "writing turned round": "\u202egnp.exe",
    "a separator of lines": "one\u2028two",
    "signs that do not show": "a\u200bb\u2060c",
    "half a character": "\ud800",
    "wide": {number: HOSTILE for number in range(2_000)},
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value] * 3, lambda value: {"key": (value,)}])
def test_an_odd_value_is_one_bounded_line(name: str, wrap: Callable[[object], object]) -> None:
    stream = json_logs()
    structlog.get_logger().warning("item.failed", reason=wrap(ODD[name]), last="seen")
    assert_one_bounded_line(stream.getvalue())
    assert_harmless_on_a_terminal(wrap(ODD[name]))


def assert_harmless_on_a_terminal(value: object) -> None:
    terminal = Terminal()
    configure_logs("info", "pretty", terminal)
    structlog.get_logger().info("item.failed", reason=value)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())  # the colours are ours
    assert plain.count("\n") == 1
    assert plain.strip().isprintable()
    assert len(plain) < 4 * LONGEST_LINE
