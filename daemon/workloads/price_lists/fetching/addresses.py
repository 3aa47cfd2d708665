"""Which addresses of the internet protocol are public."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses; more than ipaddress knows, and the same in every version of Python.
NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by a carrier's customers; a cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # looks public: the agent of the host, for machines in Azure
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocols; a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "2001::/23",  # protocols: Teredo, which tunnels to an IPv4 address, and others
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which tunnels to an IPv4 address
        "3fff::/20",  # documentation
    )
)
PUBLIC_IPV6 = IPv6Network("2000::/3")  # all that is assigned to hosts of the internet
NAT64 = IPv6Network("64:ff9b::/96")  # how a network without IPv4 writes an IPv4 address


def meant(address: Address) -> Address:
    """The address that packets to this one reach: an IPv4 address may be written as an IPv6 one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_permitted(address: Address, private: Iterable[Network] = ()) -> bool:
    """Whether it is public, or in one of the private networks that may be asked."""
    reached = meant(address)
    return is_public(reached) or any(reached in network for network in private)


def is_public(address: Address) -> bool:
    """Of an address that has been through `meant`."""
    if isinstance(address, IPv6Address) and address not in PUBLIC_IPV6:
        return False
    return not any(address in network for network in NOT_PUBLIC)
