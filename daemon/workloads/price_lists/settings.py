"""The settings of price lists, read from the environment as the daemon's own are."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from daemon.settings import SettingsGroup, read_group, setting
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.source import web_address


class PriceListSettings(SettingsGroup):
    """What is done for price lists in this instance, and what may be fetched."""

    workers: int = setting(
        1, "CATALOGD_PRICE_LIST_WORKERS", "threads of this instance that match lines of price lists", "1", ge=1, le=64
    )
    fetchers: int = setting(
        8,
        "CATALOGD_PRICE_LIST_FETCHERS",
        "threads of this instance that fetch and read price lists; most of the time they wait for servers",
        "8",
        ge=1,
        le=256,
    )
    state_directory: str | None = setting(
        None, "STATE_DIRECTORY", "set by systemd; fetched lists lie in it unless told otherwise", "/var/lib/catalogd"
    )
    own_folder: Path | None = setting(
        None,
        "CATALOGD_PRICE_LIST_FOLDER",
        "where fetched price lists lie; shared by all instances",
        "/var/lib/catalogd/price-lists",
    )
    sources: str = setting(
        "",
        "CATALOGD_PRICE_LIST_SOURCES",
        "folders from which local price lists are taken, with colons between",
        "/srv/price-lists",
    )
    most_megabytes: int = setting(
        50, "CATALOGD_PRICE_LIST_MEGABYTES", "the largest list that is fetched, packed or not", "50", ge=1, le=100_000
    )
    private_networks: str = setting(
        "",
        "CATALOGD_PRICE_LIST_NETWORKS",
        "private networks that lists may be fetched from, with commas between",
        "10.20.0.0/16",
    )
    ml_url: str = setting("", "ML_ANALYZE_URL", "the service that reads lists such as PDF", "http://ml.example:8000")
    ml_poll_seconds: float = setting(
        5.0, "ML_POLL_INTERVAL_SECONDS", "how often that service is asked how far it is", "5", gt=0, le=300
    )
    ml_patience_minutes: float = setting(
        60.0,
        "CATALOGD_ML_PATIENCE_MINUTES",
        "how long that service may make no progress with a list, waiting in its queue included, before it is given up",
        "60",
        gt=0,
        le=10_080,
    )
    use_ml: Literal["on", "off", "1", "0", "true", "false", "yes", "no"] = setting(
        "off", "USE_ML_PROCESSING", "whether that service reads the lists of suppliers that do not say themselves", "on"
    )
    sync_hours: float = setting(
        8.0, "SYNC_INTERVAL_HOURS", "how often the sheet of suppliers is read", "8", gt=0, le=8_760
    )
    suppliers_sheet: str = setting(
        "",
        "CATALOGD_SUPPLIERS_SHEET",
        "the sheet that lists the suppliers and where their lists are: an address or a path",
        "https://docs.google.com/spreadsheets/d/x/edit",
    )

    @field_validator("private_networks")
    @classmethod
    def _networks_known(cls, value: str) -> str:
        _networks(value)
        return value

    @field_validator("ml_url")
    @classmethod
    def _service_known(cls, value: str) -> str:
        if value:
            try:
                url = web_address(value)
            except FetchFailed:
                raise ValueError("not an address that begins with http:// or https://") from None
            if url.query:
                raise ValueError("it ends where the service's own paths begin, before any ?")
        return value

    @property
    def folder(self) -> Path:
        """Where fetched lists lie."""
        if self.own_folder is not None:
            return self.own_folder
        if self.state_directory:
            return Path(self.state_directory.split(":")[0]) / "price-lists"
        return Path.home() / ".local" / "state" / "catalogd" / "price-lists"

    @property
    def incoming(self) -> Path:
        """Where local lists may be laid to be taken from."""
        return self.folder / "incoming"

    @property
    def limits(self) -> Limits:
        folders = tuple(Path(name) for name in self.sources.split(":") if name)
        return Limits(
            size_bytes=self.most_megabytes * 1_000_000,
            private_networks=_networks(self.private_networks),
            folders=(*folders, self.incoming),
        )

    @property
    def uses_ml(self) -> bool:
        return self.use_ml in ("on", "1", "true", "yes")

    @property
    def ml_poll(self) -> timedelta:
        return timedelta(seconds=self.ml_poll_seconds)

    @property
    def ml_patience(self) -> timedelta:
        return timedelta(minutes=self.ml_patience_minutes)

    @property
    def sync_every(self) -> timedelta:
        return timedelta(hours=self.sync_hours)


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def read_price_list_settings() -> PriceListSettings:
    """Raises ConfigurationError with the name, the problem and an example for the first value that is wrong."""
    return read_group(PriceListSettings)
