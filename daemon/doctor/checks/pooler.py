"""No transaction pooler stands between the daemon and the server: through one, nobody hears notifications."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, Needs, ok, warning
from daemon.doctor.patient import Patient


def examine(patient: Patient) -> Iterator[Finding]:
    if patient.is_pooled:
        says = "a transaction pooler stands in between: the daemon polls once a second, as it hears no notification"
        yield warning(says, "name the server itself in DATABASE_URL; PHP may keep the pooler")
    else:
        yield ok("none in between")


CHECK = Check("pooler", examine, Needs.DATABASE)
