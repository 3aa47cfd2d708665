"""Fetches a supplier's list onto the shelf, or finds that it is the one that was fetched before."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from daemon.workloads.price_lists.fetching.download import Answer, Download
from daemon.workloads.price_lists.fetching.label import Label
from daemon.workloads.price_lists.fetching.limits import Limits
from daemon.workloads.price_lists.fetching.local import copy_local
from daemon.workloads.price_lists.fetching.names import LookUp, look_up
from daemon.workloads.price_lists.fetching.pulse import Pulse, Tick
from daemon.workloads.price_lists.fetching.shelf import Draft, Shelf, Shelved
from daemon.workloads.price_lists.fetching.source import Source


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list that differs from the previous one, or the first."""

    file: Shelved


class Sameness(StrEnum):
    """How it was found out that the list is the previous one."""

    NOT_MODIFIED = "not_modified"  # the server says so: nothing was sent
    SAME_CHECKSUM = "same_checksum"  # it was sent again, and is the same byte for byte


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The list is the previous one still."""

    label: Label  # as of now; the one to give as `previous` the next time
    how: Sameness
    file: Shelved | None  # where it was sent again


def fetch(
    source: Source,
    shelf: Shelf,
    limits: Limits,
    previous: Label | None,
    tick: Tick,
    look_up: LookUp = look_up,
) -> Fetched | Unchanged:
    """Fetch a list. `previous` is the label of the one fetched before; of another source it counts for nothing.

    `tick(received, expected)` is called in this thread a few times a second, also while a server is silent; what it
    raises ends the transfer at once. Bytes are as they come over the wire. Nothing is tried again here. Raises
    FetchFailed, and what the tick raises; then nothing is left on the shelf.
    """
    pulse = Pulse(tick, limits)
    pulse.beat()
    if previous is not None and previous.mark != source.mark:
        previous = None
    with shelf.draft() as draft:
        answer = None
        if source.is_on_the_web:
            answer = Download(source, limits, pulse, look_up).into(draft, previous)
            if previous is not None and not answer.is_modified:
                return Unchanged(_still(previous, answer), Sameness.NOT_MODIFIED, None)
        else:
            copy_local(source.place.strip(), limits.folders, draft, limits.size_bytes, pulse)
        pulse.tell()
        file = draft.keep(_label(source, answer, draft))
    if previous is not None and previous.sha256 == file.label.sha256:
        return Unchanged(file.label, Sameness.SAME_CHECKSUM, file)
    return Fetched(file)


def _label(source: Source, answer: Answer | None, draft: Draft) -> Label:
    return Label(
        source=source.public,
        mark=source.mark,
        url=answer.url if answer else None,
        size_bytes=draft.size_bytes,
        sha256=draft.sha256,
        etag=answer.etag if answer else None,
        last_modified=answer.last_modified if answer else None,
        content_type=answer.content_type if answer else None,
        fetched_at=datetime.now(UTC),
    )


def _still(previous: Label, answer: Answer) -> Label:
    """What was not sent again holds on."""
    return replace(
        previous,
        url=answer.url,
        etag=answer.etag or previous.etag,
        last_modified=answer.last_modified or previous.last_modified,
        fetched_at=datetime.now(UTC),
    )
