"""What passes between systemd and the daemon: ready, its status in words, stopping; and what the unit forbids."""

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic_ns
from typing import Self


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends to the datagram socket that systemd listens on. It never waits and never raises.

    The address is a path, or begins with "@" for a name outside the file system; None: nobody listens. `watchdog` is
    how long systemd waits for a sign of life; None: it waits for none.
    """

    address: str | None
    watchdog: timedelta | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Take them from NOTIFY_SOCKET, which systemd sets for a unit of Type=notify, and from WATCHDOG_USEC."""
        told = environ.get("WATCHDOG_USEC", "")
        is_number = told.isascii() and told.isdigit() and 0 < len(told) < 16
        watchdog = timedelta(microseconds=int(told)) if is_number and int(told) else None
        return cls(environ.get("NOTIFY_SOCKET") or None, watchdog)

    def ready(self, status: str) -> bool:
        """Say that the start is over, with a status for `systemctl status`."""
        return self.notify(READY="1", STATUS=status)

    def status(self, text: str) -> bool:
        """Set the status shown by `systemctl status`."""
        return self.notify(STATUS=text)

    def alive(self) -> bool:
        """A sign of life, for the unit's WatchdogSec."""
        return self.notify(WATCHDOG="1")

    def reloading(self) -> bool:
        """Say that a reload has begun; `ready` says that it is over."""
        return self.notify(RELOADING="1", MONOTONIC_USEC=str(monotonic_ns() // 1000))

    def stopping(self, longest: timedelta = timedelta(0)) -> bool:
        """Say that the stop has begun, and how long it may take, if that is more than what the unit gives it."""
        return self.notify(STOPPING="1", EXTEND_TIMEOUT_USEC=_microseconds(longest))

    def draining(self, status: str, longer: timedelta) -> bool:
        """Say that the stop comes on, and ask for so much more time from now, if less than that is left. No sign of
        life: at a stop systemd watches for none any more, and with one it would begin anew."""
        return self.notify(EXTEND_TIMEOUT_USEC=_microseconds(longer), STATUS=status)

    def notify(self, **fields: str) -> bool:
        """Send the fields, named as in sd_notify(3); returns whether they were taken."""
        if self.address is None or self.address[:1] not in ("/", "@"):
            return False
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        # One field a line: a line break inside a value would begin another field.
        message = "\n".join(f"{name}={_one_line(value)}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)  # what systemd does not read at once is not worth a wait
                sender.sendto(message.encode(), address)
        except OSError:
            return False
        return True


ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # RFC 5737 and 3849: nobody's
NETWORK_HINT = (
    "the unit lets this machine alone be reached: for a database elsewhere, or price lists from the web,"
    " add systemd/network.conf"
)


def is_confined() -> bool:
    """Whether systemd drops what this process sends to others than this machine (IPAddressDeny=).

    A connection is then not refused, it only times out. A datagram is refused; the one tried here goes to this
    machine's own address in its network, and so never leaves it.
    """
    return any(_is_refused(family, address) for family, address in ELSEWHERE)


def _is_refused(family: int, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.connect((address, 9))  # which sends nothing, and finds out by which address we would
            sender.connect((sender.getsockname()[0], 9))
            sender.send(b"")
    except OSError as error:
        return error.errno == errno.EPERM
    return False


def _microseconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds() * 1_000_000))


def _one_line(text: str) -> str:
    """Without line breaks, and without what would move the cursor of whoever reads the status."""
    text = " ".join(text.encode(errors="replace").decode().splitlines())
    return "".join(sign if sign.isprintable() else " " for sign in text)
