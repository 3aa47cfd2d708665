"""What the server says is committed survives a crash."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, Needs, ok, warning
from daemon.doctor.patient import Patient, sql


def examine(patient: Patient) -> Iterator[Finding]:
    off = [name for (name,) in patient.database.execute(sql("find_unsafe"))]
    if off:
        yield warning(
            f"{' and '.join(off)} off: a crash of the machine may ruin the database",
            f"{', '.join(f'{name} = on' for name in off)} in postgresql.conf",
        )
    else:
        yield ok("fsync and full_page_writes are on")


CHECK = Check("durability", examine, Needs.DATABASE)
