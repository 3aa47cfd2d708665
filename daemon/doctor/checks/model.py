"""A model is in use that this version reads, and it is not an old one."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, ok, warning, wrong
from daemon.doctor.patient import Patient, sql
from daemon.terminal.words import DAY, how_long
from daemon.workloads.categorization.versions.duty import is_readable
from daemon.workloads.categorization.versions.store import list_versions, read_head

OLD_DAYS = 90


def examine(patient: Patient) -> Iterator[Finding]:
    current = next((version for version in list_versions(patient.database) if version.is_current), None)
    if current is None:
        yield warning("nothing was learned yet: every prediction is of low confidence", "catalogd learn")
        return
    row = patient.database.execute(sql("read_age"), {"since": current.learned_at}).fetchone()
    age_s = row[0] if row else 0.0
    says = (
        f"model {current.version} of {current.products:,} products in {current.categories:,} categories, learned"
        f" {how_long(age_s)} ago"
    )
    facts = {"version": current.version, "learned_at": current.learned_at.isoformat(), "products": current.products}
    if not is_readable(read_head(patient.database, current.version)):
        yield wrong(
            f"{says}, is of another version of catalogd and is not read: batches wait", "catalogd learn", **facts
        )
    elif age_s >= OLD_DAYS * DAY:
        learns = patient.settings is None or patient.settings.learn == "on"
        remedy = "catalogd learn" + ("" if learns else "; without CATALOGD_LEARN=off the daemon does it by itself")
        yield warning(says, remedy, **facts)
    else:
        yield ok(says, **facts)


CHECK = Check("model", examine)
