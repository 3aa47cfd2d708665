"""No batch waits for long, most items are treated, and the periodic duties succeed."""

from collections.abc import Iterator

from daemon.database.statements import statement
from daemon.doctor.check import Check, Finding, ok, warning
from daemon.doctor.patient import Patient
from daemon.terminal.duties import read_duties
from daemon.terminal.naming import ask
from daemon.terminal.words import count, how_long
from daemon.workloads.categorization.explanation import one_line

LONG_S = 15 * 60
LATE_S = 60 * 60  # of a duty


def examine(patient: Patient) -> Iterator[Finding]:
    is_well = True
    for kind in patient.kinds:
        query = statement("daemon.doctor", "find_waiting", **kind.table.identifiers)
        row = patient.database.execute(query, {"long_s": LONG_S}).fetchone()
        if row is not None:
            is_well = False
            number, first, waits_s = row
            yield warning(
                f"{count(number, 'batch', 'batches')} of {kind.name} waited for more than {how_long(LONG_S)},"
                f" the longest for {how_long(waits_s)}",
                f"{ask('tail', kind, first)}, and the journal: workload.paused or batch.put_off tell why",
            )
        failing = patient.database.execute(
            statement("daemon.doctor", "find_failing", **kind.table.identifiers)
        ).fetchone()
        if failing is not None:
            items, errors, worst = failing
            if (errors or 0) * 2 > (items or 0):
                is_well = False
                yield warning(
                    f"of {items:,} items of the last batches of {kind.name} {errors:,} were in error",
                    f"{ask('errors', kind, worst)} tells why of each",
                )
    for duty in read_duties(patient.database):
        if duty.failures:
            is_well = False
            yield warning(
                f"duty {one_line(duty.name)} failed {count(duty.failures, 'time')}: {one_line(duty.error or '')[:150]}",
                "mend what it says; it is tried again by itself",
            )
        elif duty.due_in_s < -LATE_S:
            is_well = False
            yield warning(
                f"duty {one_line(duty.name)} was due {how_long(-duty.due_in_s)} ago",
                "see that an instance is at work: catalogd status",
            )
    if is_well:
        yield ok("no batch waits for long, most items are treated, no duty is late")


CHECK = Check("work", examine)
