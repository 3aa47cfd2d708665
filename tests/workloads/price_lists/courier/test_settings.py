"""A wrong address of the service is refused at the start, without repeating it: it may hold a password."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.errors import ConfigurationError
from daemon.settings import environment_names
from daemon.workloads.price_lists.courier.courier import build_courier
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.settings import PriceListSettings, read_price_list_settings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in environment_names(PriceListSettings):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ML_ANALYZE_URL", "ml:s3cret.example"),
        ("ML_ANALYZE_URL", "ftp://u:s3cret@ml.example"),
        ("ML_ANALYZE_URL", "http://ml.example/?s3cret"),
        ("ML_ANALYZE_URL", "http://"),
        ("CATALOGD_ML_PATIENCE_MINUTES", "0"),
    ],
)
def test_a_wrong_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refusal:
        read_price_list_settings()
    said, _, example = str(refusal.value).partition("; example: ")
    assert said.startswith(f"{name}: ")
    assert "s3cret" not in str(refusal.value)
    monkeypatch.setenv(*example.split("=", 1))
    read_price_list_settings()


def test_the_courier_is_as_the_settings_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ML_ANALYZE_URL", "http://u:s3cret@ml.example/api/")
    monkeypatch.setenv("USE_ML_PROCESSING", "yes")
    monkeypatch.setenv("ML_POLL_INTERVAL_SECONDS", "2")
    courier = build_courier(read_price_list_settings(), Shelf(tmp_path))
    assert courier._service is not None
    assert str(courier._service._address) == "http://ml.example/api/"
    habits = courier._habits
    assert (habits.is_default, habits.poll, habits.patience) == (True, timedelta(seconds=2), timedelta(hours=1))
