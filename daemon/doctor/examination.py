"""Runs the checks one after the other. One that cannot be run says why, and ends none of the others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from daemon.database.failures import summary
from daemon.database.probe import deadline
from daemon.doctor.check import Check, Finding, Level, Needs, skipped, wrong
from daemon.doctor.patient import Patient

DEADLINE_S = 10.0  # of a check
STATEMENT_MS = 5_000

UNMET = {
    Needs.SETTINGS: "the settings must be right first",
    Needs.DATABASE: "the connection must be right first",
    Needs.SCHEMA: "there must be a schema first: catalogd migrate",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A check with what it found; never nothing. One that was not run has found out what must be there first."""

    name: str
    findings: Sequence[Finding]
    was_run: bool = True

    @property
    def is_wrong(self) -> bool:
        return any(finding.level is Level.WRONG for finding in self.findings)


def examine(patient: Patient, checks: Sequence[Check], explain: Callable[[Exception], str]) -> Iterator[Result]:
    """Closes the patient's connection at the end."""
    try:
        for check in checks:
            unmet = next((need for need in UNMET if check.needs >= need and not _is_met(patient, need)), None)
            if unmet is None:
                yield Result(check.name, _run(check, patient, explain))
            else:
                yield Result(check.name, [skipped(UNMET[unmet])], was_run=False)
    finally:
        if patient.conn is not None:
            patient.conn.close()


def _is_met(patient: Patient, need: Needs) -> bool:
    match need:
        case Needs.SETTINGS:
            return patient.session is not None
        case Needs.DATABASE:
            return patient.conn is not None and (not patient.conn.closed or _reconnect(patient))
        case _:
            return patient.is_migrated


def _reconnect(patient: Patient) -> bool:
    """After a check that took too long its connection is gone; whether there is another."""
    assert patient.session is not None  # noqa: S101  # there was a connection
    with suppress(psycopg.Error):
        patient.conn = patient.session.connect("doctor")
        return True
    return False


def _run(check: Check, patient: Patient, explain: Callable[[Exception], str]) -> list[Finding]:
    try:
        if check.needs < Needs.DATABASE:
            return list(check.examine(patient))
        with deadline(patient.database, DEADLINE_S):
            if not check.in_transaction:
                return list(check.examine(patient))
            with patient.database.transaction(force_rollback=True):
                patient.database.execute("SET TRANSACTION READ ONLY")
                patient.database.execute("SELECT set_config('statement_timeout', %s, true)", (str(STATEMENT_MS),))
                return list(check.examine(patient))
    except psycopg.errors.QueryCanceled:  # an operational error, too
        return [skipped(f"it took longer than {STATEMENT_MS // 1000} s", "try again when there is less to do")]
    except psycopg.OperationalError as error:
        says, _, remedy = explain(error).rpartition("; ")
        if patient.conn is None:  # it was to connect
            return [wrong(says, remedy)]
        return [skipped(f"the connection was lost or took too long: {summary(error)}", "try again")]
    except psycopg.errors.InsufficientPrivilege as error:
        return [skipped(f"role {patient.role} may not see it ({summary(error)})", "run it as another role")]
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told, and the others are run
        if check.needs is Needs.SETTINGS and patient.conn is None:  # it was to connect
            return [wrong(f"the database cannot be worked with: {explain(error)}", "see that DATABASE_URL names it")]
        return [skipped(f"it could not be examined: {explain(error)}")]
