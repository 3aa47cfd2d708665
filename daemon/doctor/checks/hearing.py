"""A notification that is sent through one connection arrives at another that listens."""

import select
import uuid
from collections.abc import Iterator
from time import monotonic

from psycopg import Connection, sql

from daemon.database.probe import Heard, hear
from daemon.doctor.check import Check, Finding, Needs, ok, skipped, wrong
from daemon.doctor.patient import Patient

PATIENCE_S = 2.0


def examine(patient: Patient) -> Iterator[Finding]:
    """On a channel that nobody else knows."""
    if patient.is_pooled:
        yield skipped("through a pooler nothing is heard, and the daemon does not try")
        return
    assert patient.session is not None  # noqa: S101  # there is a database
    channel = f"catalogd_{uuid.uuid4().hex}"
    with patient.session.connect("doctor") as ear:
        ear.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        began = monotonic()
        patient.database.execute("SELECT pg_notify(%s, '')", (channel,))
        if _hears(ear, channel):
            yield ok(f"a notification arrives after {(monotonic() - began) * 1000:.1f} ms")
        else:
            yield wrong(
                f"LISTEN succeeds, but within {PATIENCE_S:.0f} s no notification arrives",
                "name the server itself in DATABASE_URL: what stands in between drops notifications",
            )


def _hears(ear: Connection, channel: str) -> bool:
    ends = monotonic() + PATIENCE_S
    while (remaining := ends - monotonic()) > 0:
        readable, _, _ = select.select([ear.fileno()], [], [], remaining)
        if readable and Heard(channel, "") in hear(ear):
            return True
    return False


CHECK = Check("hearing", examine, Needs.DATABASE, in_transaction=False)
