"""No batch waits for long, most items are treated, and the periodic duties succeed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Event
from time import monotonic

from daemon.batches.attendance import ANOTHER_LOOK_S, Attendance, may_be_unattended
from daemon.batches.fleet import read_holds, read_instances
from daemon.database.statements import statement
from daemon.doctor.check import Check, Finding, ok, warning
from daemon.doctor.patient import Patient, sql
from daemon.terminal.batches import list_batches
from daemon.terminal.duties import read_duties
from daemon.terminal.naming import ask
from daemon.terminal.words import count, how_long
from daemon.workloads.categorization.explanation import one_line

LONG_S = 15 * 60
LATE_S = 60 * 60  # of a duty


def examine(patient: Patient) -> Iterator[Finding]:
    is_well = True
    unattended = _count_unattended(patient)
    for kind in patient.kinds:
        query = statement("daemon.doctor", "find_waiting", **kind.table.identifiers)
        row = patient.database.execute(query, {"long_s": LONG_S}).fetchone()
        if kind.name in unattended:
            is_well = False
            yield warning(
                f"nobody works on {count(unattended[kind.name], 'open batch', 'open batches')} of {kind.name},"
                " although an instance is at work",
                f"one must do {kind.name}: CATALOGD_WORKLOADS names it, or is not set; or its journal tells why:"
                " workload.absent, workload.paused, batch.put_off",
                batches=unattended[kind.name],
            )
        elif row is not None:
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


def _count_unattended(patient: Patient) -> Mapping[str, int]:
    """How many open batches nobody has in hand at two looks, by their kind of work: of the first hundred, without those
    that are put off. None where no instance is at work, which another check tells."""
    conn, kinds, attendance = patient.database, patient.kinds, Attendance()
    if read_instances(conn) == []:
        return {}
    listed, holds = [each for kind in kinds for each in list_batches(conn, kind, None)], read_holds(conn, kinds)
    attendance.see(listed, holds, monotonic())
    if not any(may_be_unattended(each, holds) for each in listed):
        return {}
    Event().wait(ANOTHER_LOOK_S)
    listed = [each for kind in kinds for each in list_batches(conn, kind, None)]
    unattended = attendance.see(listed, read_holds(conn, kinds), monotonic())
    return Counter(kind for kind, _ in unattended - set(conn.execute(sql("list_put_off")).fetchall()))


CHECK = Check("work", examine)
