"""Somebody is at work, and all are of one version."""

from collections.abc import Iterator

from daemon import __version__
from daemon.batches.fleet import read_instances
from daemon.batches.reading import count_open
from daemon.doctor.check import Check, Finding, ok, skipped, warning, wrong
from daemon.doctor.patient import Patient
from daemon.terminal.fleet import HIDDEN
from daemon.terminal.words import count

START = "systemctl start catalogd, or catalogd run"


def examine(patient: Patient) -> Iterator[Finding]:
    instances = read_instances(patient.database)
    if instances is None:
        yield skipped(HIDDEN, "ask the server itself, not the pooler")
        return
    facts = {"instances": [{"name": instance.name, "version": instance.version} for instance in instances]}
    versions = sorted({instance.version for instance in instances if instance.version})
    deaf = [instance.name for instance in instances if not instance.listens]
    if not instances:
        waiting = sum(sum(count_open(patient.database, kind).values()) for kind in patient.kinds)
        says = "no instance is at work"
        if waiting:
            yield wrong(f"{says}, and {count(waiting, 'batch waits', 'batches wait')}", START, **facts)
        else:
            yield warning(says, START, **facts)
    elif set(versions) - {__version__} or len(versions) > 1:
        yield warning(
            f"instances of catalogd {', '.join(versions)} are at work, and this is {__version__}",
            "upgrade each in turn, and restart it: catalogd status shows which is which",
            **facts,
        )
    elif deaf:
        yield warning(
            f"{', '.join(deaf)} does not listen: batches wait for up to a second before they are seen",
            "its journal tells why: listener.lost or listener.deaf",
            **facts,
        )
    else:
        of = f" of catalogd {versions[0]}" if versions else ""
        yield ok(f"{count(len(instances), 'instance')}{of}", **facts)


CHECK = Check("instances", examine)
