"""The settings of price lists are refused with their name, the problem and an example, as the daemon's own are."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from daemon.errors import ConfigurationError
from daemon.settings import environment_names
from daemon.workloads.price_lists.settings import PriceListSettings, read_price_list_settings

WRONG_VALUES = {
    "CATALOGD_PRICE_LIST_WORKERS": "0",
    "CATALOGD_PRICE_LIST_FETCHERS": "many",
    "CATALOGD_PRICE_LIST_MEGABYTES": "-1",
    "CATALOGD_PRICE_LIST_NETWORKS": "10.0.0.0/99",
    "ML_POLL_INTERVAL_SECONDS": "0",
    "USE_ML_PROCESSING": "perhaps",
    "SYNC_INTERVAL_HOURS": "-8",
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in environment_names(PriceListSettings):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES.items())
def test_a_wrong_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refusal:
        read_price_list_settings()
    said, _, example = str(refusal.value).partition("; example: ")
    assert said.startswith(f"{name}: ")
    monkeypatch.setenv(*example.split("=", 1))
    read_price_list_settings()


def test_a_dotenv_file_counts(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CATALOGD_PRICE_LIST_FETCHERS=3\n")
    assert read_price_list_settings().fetchers == 3


def test_lists_lie_where_systemd_says_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_price_list_settings().folder == Path.home() / ".local/state/catalogd/price-lists"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/catalogd")
    assert read_price_list_settings().folder == Path("/var/lib/catalogd/price-lists")
    monkeypatch.setenv("CATALOGD_PRICE_LIST_FOLDER", "/shared")
    assert read_price_list_settings().folder == Path("/shared")


def test_what_may_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOGD_PRICE_LIST_MEGABYTES", "7")
    monkeypatch.setenv("CATALOGD_PRICE_LIST_NETWORKS", "10.1.0.0/16, fd00::/8")
    monkeypatch.setenv("CATALOGD_PRICE_LIST_SOURCES", "/a:/b")
    limits = read_price_list_settings().limits
    assert limits.size_bytes == 7_000_000
    assert limits.private_networks == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert limits.folders[:2] == (Path("/a"), Path("/b"))
