"""Learning by itself: whether it is time, and a child process that does it."""

from collections.abc import Sequence
from datetime import timedelta
from math import inf, log

import structlog
from psycopg import Connection

from daemon.background import ChildFailed, ChildStopped, run_beside
from daemon.database.statements import load
from daemon.engine.workload import Duty, DutyFailed, DutyInterrupted, Means
from daemon.workloads.categorization.model.storage import FORMAT
from daemon.workloads.categorization.store import read_model_version
from daemon.workloads.categorization.versions.store import read_head, read_labels, read_last_lesson

logger = structlog.get_logger()

EVERY = timedelta(hours=1)
LONGEST = timedelta(minutes=50)  # of a lesson: it must end before another instance begins the next
FIRST_LESSON = 50  # labels: with fewer a first model is sure of nothing
LEAST_CHANGED, SHARE_CHANGED = 200, 0.05  # labels, since the last lesson: with fewer a model is hardly another one
A_DAY, CHANGED_IN_A_DAY = timedelta(days=1), 20  # what people decide is felt on the next day, but not a slip or two


def learning_duty() -> Duty:
    load("daemon.workloads.categorization.versions")
    return Duty("categorization.learn", EVERY, learn_if_due)


def learn_if_due(means: Means) -> None:
    """Learn in a child process when enough has changed since the last lesson."""
    with means.connection() as conn:
        reason = find_reason(conn)
    if reason is None:
        return
    logger.info("model.outdated", reason=reason)
    try:
        run_beside(["learn"], means.stop, LONGEST, means.beat)
    except ChildStopped:
        raise DutyInterrupted from None
    except ChildFailed as error:
        raise DutyFailed(f"learning failed: {error}") from None


def find_reason(conn: Connection) -> str | None:
    """Why it is time to learn; None when it is not."""
    last = read_last_lesson(conn, A_DAY)
    labels = read_labels(conn)
    if last is None:
        return f"{labels.number} labels, nothing learned" if labels.number >= FIRST_LESSON else None
    current = read_model_version(conn)
    if labels.number and current is not None and not is_readable(read_head(conn, current)):
        return f"model {current} is of another version of catalogd"
    changed = estimate_changed(last.label_digests, labels.digests)
    if labels.number and changed >= max(LEAST_CHANGED, SHARE_CHANGED * last.products):
        return f"{changed:.0f} labels changed"
    if labels.number and last.is_long_ago and changed >= CHANGED_IN_A_DAY:
        return f"{changed:.0f} labels changed, more than a day passed"
    return None


def is_readable(head: bytes) -> bool:
    """Whether this version of catalogd reads a model that begins so."""
    return head.startswith(b"catalogd model %d\n" % FORMAT)


def estimate_changed(before: Sequence[int] | None, now: Sequence[int]) -> float:
    """About how many labels were given, taken away or changed; infinite where it cannot be told.

    Linear counting: of b buckets, n changes that fall anywhere leave a share of exp(-n / b) untouched (Whang,
    Vander-Zanden and Taylor, A linear-time probabilistic counting algorithm for database applications, 1990).
    """
    if before is None or len(before) != len(now):
        return inf
    untouched = sum(a == b for a, b in zip(before, now, strict=True)) / len(now)
    return -len(now) * log(untouched) if untouched else inf
