"""The addresses of a host."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

from daemon.workloads.price_lists.fetching.addresses import Address
from daemon.workloads.price_lists.fetching.failure import FetchFailed
from daemon.workloads.price_lists.fetching.pulse import Pulse

LookUp = Callable[[str, Pulse], Sequence[Address]]

LONGEST_S = 15.0
RESOLVER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("resolver.py")))
MOST_BYTES = 65_536


def look_up(host: str, pulse: Pulse, resolver: Sequence[str] = RESOLVER, longest_s: float = LONGEST_S) -> list[Address]:
    """All addresses, in the order in which they are to be tried; at least one.

    Numbers are read here, in all the forms that the system knows ("0x7f.1" is 127.0.0.1). Raises FetchFailed.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [_read(str(address[0])) for *_, address in found]
    except (OSError, UnicodeError):
        return _ask(host, pulse, [*resolver, host], longest_s)


def _ask(host: str, pulse: Pulse, command: Sequence[str], longest_s: float) -> list[Address]:
    unknown = FetchFailed("host_unknown", f"no address is known for the host {host}", is_transient=True)
    try:
        child = subprocess.Popen(  # noqa: S603  # our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError:
        raise unknown from None
    with child:
        try:
            said = _hear(child, pulse, pulse.after(longest_s))
        finally:
            child.kill()  # harmless to one that has ended
    try:
        addresses = [_read(line) for line in said.decode("ascii").split()]
    except ValueError:
        raise unknown from None
    if not addresses:
        raise unknown
    return list(dict.fromkeys(addresses))


def _hear(child: "subprocess.Popen[bytes]", pulse: Pulse, until: float) -> bytes:
    """All that it says until it ends, or until that moment."""
    assert child.stdout is not None  # noqa: S101  # for the type checker
    said = b""
    while len(said) < MOST_BYTES and pulse.wait(child.stdout.fileno(), for_writing=False, until=until):
        piece = os.read(child.stdout.fileno(), MOST_BYTES)
        if not piece:
            return said
        said += piece
    return b""


def _read(text: str) -> Address:
    """Without its zone, which link-local addresses have."""
    return ip_address(text.partition("%")[0])
