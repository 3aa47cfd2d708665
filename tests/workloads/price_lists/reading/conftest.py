"""Lists made by the test, and what is read of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from daemon.workloads.price_lists.line import BadLine, Line
from daemon.workloads.price_lists.reading.reading import read
from daemon.workloads.price_lists.reading.refusal import ListUnreadable


class Read(NamedTuple):
    lines: list[Line]
    bad: list[BadLine]
    detected: dict[str, Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list"


@pytest.fixture
def reading(file: Path) -> Callable[..., Read]:
    """Read bytes, a text, or the file where it is already."""

    def read_it(content: bytes | str | Path, options: Any = None, mapping: Any = None) -> Read:
        path = file
        if isinstance(content, Path):
            path = content
        else:
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        with read(path, options, mapping, lambda lines, share: None) as opened:
            every = list(opened)
        assert [line.number for line in every] == sorted({line.number for line in every})
        good = [line for line in every if isinstance(line, Line)]
        return Read(good, [line for line in every if isinstance(line, BadLine)], opened.detected)

    return read_it


@pytest.fixture
def refusal(reading: Callable[..., Read]) -> Callable[..., tuple[str, str]]:
    """The code and the message with which a list is refused."""

    def refuse(*arguments: Any, **options: Any) -> tuple[str, str]:
        with pytest.raises(ListUnreadable) as caught:
            reading(*arguments, **options)
        message = str(caught.value)
        assert message[0].isupper() or message.startswith(("option ", "mapping "))
        return caught.value.code, message

    return refuse
