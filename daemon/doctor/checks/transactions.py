"""No transaction is open for long: what was deleted since cannot be cleared away, and the queue slows down."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, Needs, ok, skipped, warning
from daemon.doctor.patient import Patient, sql
from daemon.terminal.words import how_long
from daemon.workloads.categorization.explanation import one_line

LONG_S = 10 * 60
MANY_XIDS = 1_000_000


def examine(patient: Patient) -> Iterator[Finding]:
    parameters = {"long_s": LONG_S, "many_xids": MANY_XIDS}
    found = list(_open(patient, parameters)) + list(_prepared(patient, parameters))
    yield from found
    row = patient.database.execute(sql("count_hidden")).fetchone()
    hidden = row[0] if row else 0
    if hidden:
        yield skipped(
            f"role {patient.role} may not see since when {hidden} sessions of others have a transaction open",
            f"GRANT pg_read_all_stats TO {patient.role}; it shows everybody's statements, too",
        )
    elif not found:
        yield ok(f"none is open for more than {how_long(LONG_S)}")


def _open(patient: Patient, parameters: dict[str, int]) -> Iterator[Finding]:
    for pid, user, name, is_idle, open_s, age in patient.database.execute(sql("find_long"), parameters):
        who = one_line(f"{user or 'somebody'}{f' ({name})' if name else ''}")
        since = f"is open for {how_long(open_s)}" if open_s is not None else f"is {age:,} transactions old"
        yield warning(
            f"a transaction of {who} {since}{', and idle' if is_idle else ''}",
            f"end it where it was begun, or: SELECT pg_terminate_backend({pid})",
            pid=pid,
        )


def _prepared(patient: Patient, parameters: dict[str, int]) -> Iterator[Finding]:
    for gid, owner, open_s in patient.database.execute(sql("find_prepared"), parameters):
        yield warning(
            f"a prepared transaction of {one_line(owner)} is open for {how_long(open_s)}",
            f"COMMIT PREPARED '{one_line(gid)}', or ROLLBACK PREPARED",
            gid=gid,
        )


CHECK = Check("transactions", examine, Needs.DATABASE)
