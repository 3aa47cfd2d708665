"""The role has the rights that it needs, and not more."""

from collections.abc import Iterator, Sequence

from daemon.doctor.check import Check, Finding, ok, warning, wrong
from daemon.doctor.patient import Patient, sql

GRANTS = "catalogd grants | psql, as a superuser or the owner"
SHOWN = 4


def examine(patient: Patient) -> Iterator[Finding]:
    row = patient.database.execute(sql("find_role")).fetchone()
    assert row is not None  # noqa: S101  # everybody has a role
    role, is_superuser, makes_roles, owns, may_create, everyone_creates, may_run, mighty = row
    facts = {"role": role, "may_run": may_run}
    if is_superuser or makes_roles or owns:
        what = "is a superuser" if is_superuser else "may make roles" if makes_roles else "owns the tables"
        yield warning(
            f"role {role} {what}: more than the daemon needs",
            f"{GRANTS}; then run as catalogd_runtime, and migrate as catalogd_owner",
            **facts,
        )
        return
    if mighty:
        yield warning(
            f"role {role} is a member of {_list(mighty)}: more than catalogd needs",
            f"REVOKE {', '.join(mighty)} FROM {role}",
            mighty=mighty,
            **facts,
        )
    if "pg_write_all_data" in mighty:
        return  # whether it is to run the daemon, and what it lacks of its own, is seen without that
    lacking = [f"{privilege} on {relation}" for relation, privilege in _lacking(patient, may_run=may_run)]
    if lacking:
        yield wrong(
            f"role {role} lacks {_list(lacking)}",
            f"{GRANTS}{f'; with --runtime {role}' if role != 'catalogd_runtime' and may_run else ''}",
            lacking=lacking,
            **facts,
        )
    elif may_create or everyone_creates:
        whom = "everybody" if everyone_creates else f"role {role}"
        yield warning(
            f"{whom} may create objects in the schema, and what is put there may run as catalogd",
            f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
            **facts,
        )
    elif mighty:
        return
    elif may_run:
        yield ok(f"{role} has what the daemon needs, and no more", **facts)
    else:
        yield ok(f"{role} reads: enough to look, not for catalogd run", **facts)


def _lacking(patient: Patient, *, may_run: bool) -> Sequence[tuple[str, str]]:
    return patient.database.execute(sql("find_lacking"), {"may_run": may_run}).fetchall()


def _list(lacking: Sequence[str]) -> str:
    more = len(lacking) - SHOWN
    return ", ".join(lacking[:SHOWN]) + (f" and {more} more" if more > 0 else "")


CHECK = Check("role", examine)
