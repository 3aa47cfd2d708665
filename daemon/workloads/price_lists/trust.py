"""Hosts that the operator named, and which may be asked although they are in a private network."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from time import monotonic

import httpx

from daemon.workloads.price_lists.fetching.addresses import Address, meant
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import LookUp
from daemon.workloads.price_lists.fetching.pulse import Pulse

REMEMBERED_S = 60.0


class RememberedNames:
    """A LookUp for a host that is asked again and again. Threads may share it."""

    def __init__(self, look_up: LookUp, for_s: float = REMEMBERED_S) -> None:
        self._look_up = look_up
        self._for_s = for_s
        self._known: dict[str, tuple[float, Sequence[Address]]] = {}
        self._lock = threading.Lock()

    def __call__(self, host: str, pulse: Pulse) -> Sequence[Address]:
        with self._lock:
            known = self._known.get(host)
        if known is not None and monotonic() - known[0] < self._for_s:
            return known[1]
        addresses = self._look_up(host, pulse)
        with self._lock:
            self._known[host] = (monotonic(), addresses)
        return addresses


def trusting(url: httpx.URL, limits: Limits, pulse: Pulse, look_up: LookUp) -> tuple[Limits, LookUp]:
    """Limits and names with which this one host may be asked, wherever it is. Raises FetchFailed."""
    name = url.raw_host.decode("ascii")
    addresses = look_up(name, pulse)

    def names(host: str, pulse: Pulse) -> Sequence[Address]:
        return addresses if host == name else look_up(host, pulse)

    networks = tuple(ip_network(meant(address)) for address in addresses)
    return replace(limits, private_networks=(*limits.private_networks, *networks)), names
