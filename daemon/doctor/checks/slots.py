"""No replication slot keeps the server's log, or old rows, for a reader that does not come."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, Needs, ok, warning
from daemon.doctor.patient import Patient, sql
from daemon.terminal.words import size
from daemon.workloads.categorization.explanation import one_line

MUCH_BYTES = 2_000_000_000
MANY_XIDS = 1_000_000


def examine(patient: Patient) -> Iterator[Finding]:
    slots = patient.database.execute(sql("read_slots")).fetchall()
    fine = True
    for name, is_active, is_lost, kept, age in slots:
        drop = f"SELECT pg_drop_replication_slot('{one_line(name)}')"
        if is_lost:
            fine = False
            yield warning(f"slot {one_line(name)} has lost what its reader needs", f"{drop}; make that replica anew")
        elif kept > MUCH_BYTES or age > MANY_XIDS:
            fine = False
            reader = "its reader lags" if is_active else "nobody reads it"
            yield warning(
                f"slot {one_line(name)} keeps {size(kept)} of log, and rows of {age:,} transactions: {reader}",
                f"see to its reader, or: {drop}",
                slot=name,
                kept=kept,
            )
    if fine:
        yield ok(f"{len(slots) or 'none'}, none keeps much")


CHECK = Check("slots", examine, Needs.DATABASE)
