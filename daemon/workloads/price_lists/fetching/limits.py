"""What a fetch may take, and where it may go."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """Durations in seconds, sizes in bytes."""

    size_bytes: int = 50_000_000  # of the list, packed or not
    connect_s: float = 10.0  # for each address of a host
    silence_s: float = 60.0  # until the answer begins, and between two pieces of it
    download_s: float = 1_800.0  # for everything: names, redirects, the list
    slowest_bytes_per_minute: int = 60_000  # once the answer has begun
    slowness_s: float = 60.0  # how long it may be slower than that
    redirects: int = 5
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()  # that may be asked although they are not public
    folders: tuple[Path, ...] = ()  # in which local lists may lie
    authorities: Path | None = None  # PEM file of those whose certificates are believed, instead of the system's
