"""Tells systemd how the daemon is: ready, its status in words, stopping."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends to the datagram socket that systemd listens on. It never waits and never raises.

    The address is a path, or begins with "@" for a name outside the file system; None: nobody listens.
    """

    address: str | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Take the address from NOTIFY_SOCKET, which systemd sets for a unit of Type=notify."""
        return cls(environ.get("NOTIFY_SOCKET") or None)

    def ready(self, status: str) -> bool:
        """Say that the start is over, with a status for `systemctl status`."""
        return self.notify(READY="1", STATUS=status)

    def status(self, text: str) -> bool:
        """Set the status shown by `systemctl status`."""
        return self.notify(STATUS=text)

    def alive(self) -> bool:
        """A sign of life, for the unit's WatchdogSec."""
        return self.notify(WATCHDOG="1")

    def stopping(self) -> bool:
        """Say that the stop has begun."""
        return self.notify(STOPPING="1")

    def notify(self, **fields: str) -> bool:
        """Send the fields, named as in sd_notify(3); returns whether they were taken."""
        if self.address is None or self.address[:1] not in ("/", "@"):
            return False
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        # One field a line: a line break inside a value would begin another field.
        message = "\n".join(f"{name}={' '.join(value.splitlines())}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)  # what systemd does not read at once is not worth a wait
                sender.sendto(message.encode(errors="replace"), address)
        except OSError:
            return False
        return True
