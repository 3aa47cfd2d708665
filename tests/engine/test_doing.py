"""What the status line says."""

from types import SimpleNamespace
from typing import Any

import pytest

from daemon.engine import doing as doing_module
from daemon.engine.doing import Doing
from daemon.engine.queue import Planned, Settled, Slice
from daemon.engine.telemetry import Mishap

pytestmark = pytest.mark.one_server


def settled(id: int, success: int, items: int, status: str = "processing", errors: int = 0) -> Settled:
    return Settled(id, status, items - success - errors, 0, items, success, errors, 0.0, 0.0)


def test_at_rest() -> None:
    assert str(Doing(1)) == "1 worker; at rest"


def test_how_far_a_batch_is_and_how_many_were_completed() -> None:
    doing = Doing(2)
    doing.counted("categorization", [settled(42, 31_000, 100_000), settled(42, 30_500, 100_000)])
    assert str(doing) == "2 workers; batch 42 of categorization: 31,000 of 100,000"
    doing.counted("categorization", [settled(42, 99_999, 100_000, "completed", errors=1)])
    assert str(doing) == "2 workers; at rest; 1 batch since its start"
    doing.counted("categorization", [settled(43, 1, 1, "completed"), settled(44, 5, 9, "cancelled")])
    assert str(doing) == "2 workers; at rest; 2 batches since its start"


def test_of_many_batches_two_are_told() -> None:
    doing = Doing(2)
    for number in range(1, 6):
        doing.counted("price-lists", [settled(number, number, 10)])
    assert str(doing).endswith("batch 1 of price-lists: 1 of 10; batch 2 of price-lists: 2 of 10; 3 batches more")


def test_a_batch_that_others_finish_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    doing = Doing(2)
    doing.counted("categorization", [settled(1, 1, 10)])
    monkeypatch.setattr(doing_module, "QUIET_S", -1.0)
    assert str(doing) == "2 workers; at rest"


def test_a_slice_that_takes_long_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch that was cut here, or elsewhere; until it is settled, or given back."""
    monkeypatch.setattr(doing_module, "QUIET_S", -1.0)
    doing = Doing(2)
    doing.planned("categorization", [Planned(1, "processing", None, 0, 10, 2, 1, 0.0)])
    assert str(doing) == "2 workers; at rest"
    doing.planned("categorization", [Planned(1, "processing", None, 0, 10, 2, 1, 0.0)])
    doing.began("categorization", [Slice(7, 1, [4, 5], "processing")])
    assert str(doing) == "2 workers; batch 1 of categorization: 3 of 10"
    doing.counted("categorization", [settled(1, 5, 10)])
    assert str(doing) == "2 workers; at rest"
    doing.began("price-lists", [Slice(8, 2, [1], "processing"), Slice(9, 2, [1], "processing")])
    assert str(doing) == "2 workers; batch 2 of price-lists"
    doing.stumbled("price-lists", Mishap.RETRIED)
    assert str(doing) == "2 workers; at rest"


def test_what_else_is_done_is_told_once() -> None:
    acting: list[Any] = [SimpleNamespace(acting="learning"), SimpleNamespace(acting=None)] * 2
    assert str(Doing(2, acting)) == "2 workers; learning"
