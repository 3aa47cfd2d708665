"""Inserting a batch rings the bell, and so does setting one back, for every kind of work; as far as can be told without
inserting one."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, ok, warning, wrong
from daemon.doctor.patient import Patient, sql


def examine(patient: Patient) -> Iterator[Finding]:
    tables = [kind.table.name for kind in patient.kinds]
    bells = patient.database.execute(sql("find_bells"), {"tables": tables}).fetchall()
    wants = patient.settings is None or patient.settings.rings
    silent = sorted({table for table, trigger, is_there, _, _ in bells if not is_there})
    muted = sorted({table for table, _, is_there, is_on, _ in bells if is_there and not is_on})
    mute = sorted({table for table, _, is_there, _, notifies in bells if is_there and not notifies})
    if silent or mute:
        yield wrong(
            f"no trigger notifies when a batch of {', '.join(silent or mute)} is ordered",
            "catalogd migrate, as the owner",
        )
    elif muted and wants:
        yield wrong(
            f"the bell of {', '.join(muted)} is switched off, and the daemon waits for it",
            "catalogd migrate, as the owner; or CATALOGD_NOTIFY=off for the daemon, which then polls",
        )
    elif muted:
        yield ok("it is switched off, as CATALOGD_NOTIFY=off wants it: the daemon polls")
    elif not wants:
        yield warning(
            "it rings although CATALOGD_NOTIFY=off is set: each insert pays for it",
            "catalogd migrate, as the owner and with CATALOGD_NOTIFY=off",
        )
    else:
        yield ok(f"it rings for {' and '.join(tables)}")


CHECK = Check("bell", examine)
