"""Fetches as the tests order them: from a supplier on loopback, which must be allowed for it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import pytest

from daemon.workloads.price_lists.fetching.addresses import Address
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.fetch import Fetched, Unchanged, fetch
from daemon.workloads.price_lists.fetching.label import Label
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.names import look_up
from daemon.workloads.price_lists.fetching.pulse import Pulse, Tick
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.fetching.source import Source, SourceKind

LIST = b"sku;name;price\n1;Drill;9,90\n"
LOOPBACK = (ip_network("127.0.0.1"),)  # no other address of loopback


class Names:
    """Hosts by name, and what is answered each time one is asked for, the last for good: addresses with spaces between.

    Numbers and other names are as the system knows them.
    """

    def __init__(self, hosts: Mapping[str, list[str]]) -> None:
        self._hosts = {host: list(addresses) for host, addresses in hosts.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, pulse: Pulse) -> list[Address]:
        self.asked.append(host)
        answers = self._hosts.get(host)
        if answers is None:
            return look_up(host, pulse)
        return [ip_address(address) for address in (answers.pop(0) if len(answers) > 1 else answers[0]).split()]


def no_tick(_received: int, _expected: int | None) -> None:
    pass


def order(
    url: str,
    shelf: Shelf,
    *,
    kind: SourceKind = SourceKind.CSV,
    limits: Limits | None = None,
    previous: Label | None = None,
    tick: Tick = no_tick,
    names: Mapping[str, list[str]] | Names | None = None,
) -> Fetched | Unchanged:
    known = names if isinstance(names, Names) else Names(names or {})
    return fetch(Source(kind, url), shelf, limits or Limits(private_networks=LOOPBACK), previous, tick, known)


def order_first(url: str, shelf: Shelf, **options: object) -> Fetched:
    got = order(url, shelf, **options)  # type: ignore[arg-type]
    assert isinstance(got, Fetched)
    return got


def refused(url: str, shelf: Shelf, **options: object) -> FetchFailed:
    """The failure of an order that must fail."""
    with pytest.raises(FetchFailed) as caught:
        order(url, shelf, **options)  # type: ignore[arg-type]
    assert str(caught.value) == caught.value.message
    return caught.value
