"""A model is in use that this version reads, and it is not an old one."""

from collections.abc import Iterator
from datetime import UTC, datetime

from daemon.doctor.check import Check, Finding, ok, warning, wrong
from daemon.doctor.patient import Patient
from daemon.terminal.words import how_long
from daemon.workloads.categorization.versions.duty import is_readable
from daemon.workloads.categorization.versions.store import list_versions, read_head

OLD_DAYS = 90


def examine(patient: Patient) -> Iterator[Finding]:
    current = next((version for version in list_versions(patient.database) if version.is_current), None)
    if current is None:
        yield warning("nothing was learned yet: every prediction is of low confidence", "catalogd learn")
        return
    age = datetime.now(UTC) - current.learned_at
    says = (
        f"model {current.version} of {current.products:,} products in {current.categories:,} categories, learned"
        f" {how_long(age.total_seconds())} ago"
    )
    facts = {"version": current.version, "learned_at": current.learned_at.isoformat(), "products": current.products}
    if not is_readable(read_head(patient.database, current.version)):
        yield wrong(
            f"{says}, is of another version of catalogd and is not read: batches wait", "catalogd learn", **facts
        )
    elif age.days >= OLD_DAYS:
        learns = patient.settings is None or patient.settings.learn == "on"
        remedy = "catalogd learn" + ("" if learns else "; without CATALOGD_LEARN=off the daemon does it by itself")
        yield warning(says, remedy, **facts)
    else:
        yield ok(says, **facts)


CHECK = Check("model", examine)
