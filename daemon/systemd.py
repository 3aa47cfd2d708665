"""Tells systemd how the daemon is: ready, its status in words, stopping."""

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

    def stopping(self) -> bool:
        """Say that the stop has begun."""
        return self.notify(STOPPING="1")

    def draining(self, status: str, longer: timedelta) -> bool:
        """Say that the stop comes on, and ask for so much more time from now, if less than that is left."""
        microseconds = str(int(longer.total_seconds() * 1_000_000))
        return self.notify(EXTEND_TIMEOUT_USEC=microseconds, WATCHDOG="1", STATUS=status)

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


def _one_line(text: str) -> str:
    """Without line breaks, and without what would move the cursor of whoever reads the status."""
    text = " ".join(text.encode(errors="replace").decode().splitlines())
    return "".join(sign if sign.isprintable() else " " for sign in text)
