"""A list is fetched whole, or not at all; a list that is still the same is found out."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

from daemon.workloads.price_lists.fetching.fetch import Fetched, fetch
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.shelf import Shelf
from daemon.workloads.price_lists.fetching.source import Source, SourceKind
from tests.workloads.price_lists.fetching.supplier import Supplier, answer

LIST = b"sku;name;price\n1;Drill;9,90\n"
LOOPBACK = Limits(private_networks=(ip_network("127.0.0.1"),))


def test_a_list_is_fetched(tmp_path: Path) -> None:
    with Supplier(answer(LIST, 'ETag: "1"')) as supplier:
        got = fetch(Source(SourceKind.CSV, supplier.url()), Shelf(tmp_path / "shelf"), LOOPBACK, None, lambda *_: None)
    assert isinstance(got, Fetched)
    assert got.file.path.read_bytes() == LIST
