"""Inserting a batch rings the bell, and so does setting one back, for every kind of work; as far as can be told without
inserting one."""

from collections.abc import Iterator
from typing import NamedTuple

from daemon.database.schema import BELL
from daemon.doctor.check import Check, Finding, ok, warning, wrong
from daemon.doctor.patient import Patient, sql


class Bell(NamedTuple):
    """A trigger that should notify. That of inserts is off after `catalogd migrate` with CATALOGD_NOTIFY=off."""

    table: str
    may_be_off: bool
    is_on: bool
    notifies: bool


def examine(patient: Patient) -> Iterator[Finding]:
    tables = [kind.table.name for kind in patient.kinds]
    bells = [Bell(*row) for row in patient.database.execute(sql("find_bells"), {"tables": tables, "bell": BELL})]
    wants = patient.settings is None or patient.settings.rings
    dead = sorted({bell.table for bell in bells if not bell.notifies or not (bell.is_on or bell.may_be_off)})
    muted = sorted({bell.table for bell in bells if bell.may_be_off and not bell.is_on})
    if dead:
        yield wrong(
            f"no trigger notifies when a batch of {', '.join(dead)} is inserted, set back or cancelled",
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
