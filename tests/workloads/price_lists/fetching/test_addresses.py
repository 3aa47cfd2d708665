"""Which addresses are public: against what the standard library knows, and in whatever form they are written."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.workloads.price_lists.fetching.addresses import NOT_PUBLIC, Address, is_permitted, is_public, meant

IPV4 = st.builds(IPv4Address, st.integers(0, 2**32 - 1))
NEARLY_PRIVATE = st.sampled_from(NOT_PUBLIC).flatmap(
    lambda network: st.builds(
        lambda offset: ip_address(max(int(network.network_address) + offset, 0)),
        st.integers(-2, 2) | st.integers(network.num_addresses - 3, network.num_addresses + 2),
    )
)
IPV6 = st.builds(IPv6Address, st.integers(0, 2**128 - 1))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.1", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "168.63.129.16",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1",
        "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b:1::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001::1", "2001:db8::1",
        "2002:7f00:1::", "2002:808:808::1", "100::1", "3fff::1",
    ],
)  # fmt: skip
def test_is_not_public(address: str) -> None:
    assert not is_permitted(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "223.255.255.255", "2a00:1450::1",
     "2001:4860:4860::8888", "2001:200::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)  # fmt: skip
def test_is_public(address: str) -> None:
    assert is_permitted(ip_address(address))


@given(IPV4 | NEARLY_PRIVATE | IPV6)
@example(ip_address("192.88.99.1"))
def test_nothing_is_public_that_the_standard_library_holds_for_private(address: Address) -> None:
    if is_permitted(address):
        reached = meant(address)
        assert reached.is_global
        assert not any((reached.is_multicast, reached.is_reserved, reached.is_loopback, reached.is_link_local))


@given(IPV4 | NEARLY_PRIVATE)
def test_an_ipv4_address_is_judged_the_same_however_it_is_written(address: Address) -> None:
    if isinstance(address, IPv4Address):
        for written in (f"::ffff:{address}", f"64:ff9b::{address}"):
            assert is_permitted(IPv6Address(written)) == is_public(address)


@given(IPV4)
def test_of_ipv4_nothing_is_refused_but_what_is_special(address: IPv4Address) -> None:
    special = [network for network in NOT_PUBLIC if network.version == 4 and address in network]
    assert is_public(address) == (not special)


@given(st.integers(0, 2**16 - 1))
def test_a_network_may_be_allowed_and_no_other_with_it(host: int) -> None:
    office = ip_network("10.20.0.0/16")
    inside, outside = office[host], ip_network("10.21.0.0/16")[host]
    assert is_permitted(inside, [office])
    assert is_permitted(IPv6Address(f"::ffff:{inside}"), [office])
    assert not is_permitted(outside, [office])
