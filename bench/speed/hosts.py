"""Other hosts on this machine: network namespaces on one bridge, from which the server is reached by TCP."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    """What a server has to listen on, and whom to let in."""

    address: str
    network: str
    hosts: Sequence[str]  # namespaces

    @staticmethod
    def prefix(host: str) -> list[str]:
        """A command behind it runs there."""
        return ["ip", "netns", "exec", host]


@contextmanager
def network(hosts: int) -> Iterator[Network | None]:
    """So many hosts on a network of their own, gone afterwards; None where it cannot be made, as for want of root."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        yield None
        return
    token, third = secrets.token_hex(3), secrets.randbelow(250)
    bridge, base = f"br{token}", f"10.214.{third}"
    with ExitStack() as undone:
        try:
            _run("ip", "link", "add", bridge, "type", "bridge")
            undone.callback(_run, "ip", "link", "delete", bridge)
            _run("ip", "address", "add", f"{base}.1/24", "dev", bridge)
            _run("ip", "link", "set", bridge, "up")
            names = [f"catalogd-{token}-{number}" for number in range(hosts)]
            for number, name in enumerate(names):
                _plug_in(undone, bridge, name, f"veth{token}{number}", f"{base}.{number + 2}/24")
        except subprocess.CalledProcessError:  # a container without the right
            yield None
            return
        yield Network(f"{base}.1", f"{base}.0/24", names)


def _plug_in(undone: ExitStack, bridge: str, name: str, cable: str, address: str) -> None:
    _run("ip", "netns", "add", name)
    undone.callback(_run, "ip", "netns", "delete", name)
    _run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
    _run("ip", "link", "set", cable, "master", bridge, "up")
    inside = Network.prefix(name)
    _run(*inside, "ip", "address", "add", address, "dev", "eth0")
    _run(*inside, "ip", "link", "set", "eth0", "up")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
