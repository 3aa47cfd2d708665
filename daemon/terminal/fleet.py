"""Who is at work and what they hold, in words."""

from collections.abc import Sequence

from daemon.batches.fleet import Hold, Instance
from daemon.terminal.naming import USUAL
from daemon.terminal.words import count, how_long
from daemon.workloads.categorization.explanation import one_line

HIDDEN = "behind a transaction pooler it cannot be seen which instances are at work"
NOBODY = "no instance is at work: systemctl start catalogd, or catalogd run"


def describe_hold(hold: Hold) -> str:
    batch = f"batch {hold.batch_id}" + ("" if hold.workload == USUAL else f" of {hold.workload}")
    if not hold.slices:
        return f"prepares {batch}"
    return f"{count(hold.slices, 'slice')} ({count(hold.items, 'item')}) of {batch}"


def describe_instance(instance: Instance, holds: Sequence[Hold]) -> str:
    """A line for people: who it is, and what it has in hand."""
    facts = [
        one_line(instance.host),
        f"pid {instance.pid}" if instance.pid is not None else "",
        f"catalogd {one_line(instance.version)}" if instance.version else "",
        f"connected for {how_long(instance.up_s)}" if instance.up_s is not None else "",
        "" if instance.listens else "hears no bell and polls",
    ]
    own = [one_line(describe_hold(hold)) for hold in holds if instance.holds(hold)]
    return f"at work: {', '.join(filter(None, facts))}: {'; '.join(own) or 'at rest'}"


def describe_fleet(instances: Sequence[Instance] | None, holds: Sequence[Hold]) -> list[str]:
    """A line for each instance, and for what was left behind by one that is gone."""
    if instances is None:
        return [HIDDEN, *(f"in hand of {one_line(hold.instance)}: {one_line(describe_hold(hold))}" for hold in holds)]
    lines = [describe_instance(instance, holds) for instance in instances] or [NOBODY]
    orphans = [hold for hold in holds if not any(instance.holds(hold) for instance in instances)]
    taker = "another takes it over" if instances else "the next that starts takes it over"
    lines += [
        f"left by {one_line(hold.instance)}, which is gone: {one_line(describe_hold(hold))}; {taker}"
        for hold in orphans
    ]
    return lines
