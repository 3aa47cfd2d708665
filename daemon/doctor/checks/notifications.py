"""The server's queue of notifications is nearly empty: once it is full, whoever inserts a batch gets an error."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, Needs, ok, warning, wrong
from daemon.doctor.patient import Patient, sql

FULL, FILLING = 0.9, 0.25
REMEDY = (
    "end the listening session that is in a transaction for long: SELECT pid, query FROM pg_stat_activity"
    " WHERE xact_start < now() - interval '10 min'"
)


def examine(patient: Patient) -> Iterator[Finding]:
    row = patient.database.execute(sql("read_queue")).fetchone()
    usage = float(row[0]) if row else 0.0
    says = f"the queue of notifications is {usage:.1%} full"
    if usage >= FULL:
        yield wrong(says, REMEDY, usage=usage)
    elif usage >= FILLING:
        yield warning(says, REMEDY, usage=usage)
    else:
        yield ok(says, usage=usage)


CHECK = Check("notifications", examine, Needs.DATABASE)
