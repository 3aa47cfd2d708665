"""What happens to a batch, in lines: for people, or a JSON object each for scripts."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from daemon.terminal.following import Ended, Entry, Event, Failed, Gone, Progress
from daemon.terminal.naming import call
from daemon.terminal.pace import Look, Pace
from daemon.terminal.words import about, count, for_json, how_long
from daemon.workloads.categorization.explanation import one_line
from daemon.workloads.kind import Kind

LATE = timedelta(hours=1)  # what is found so late is told as of now, lest time go back; what is older is history
SELDOM_S, OFTEN_S = 10.0, 1.0  # between lines about a progress of less than a hundredth, and of more


class Ticker:
    """Lines for people; a progress that is hardly one has none."""

    def __init__(self, kind: Kind, batch_id: int) -> None:
        self._kind = kind
        self._name = call(kind, batch_id)
        self._pace = Pace()
        self._seen: Progress | None = None
        self._said: Progress | None = None
        self._said_at = 0.0
        self._latest: datetime | None = None

    def tell(self, event: Event) -> None:
        match event:
            case Entry():
                self._write(f"{_action(event)}", event.created_at)
            case Failed():
                known = event.details if isinstance(event.details, dict) else {}
                details = [str(known[key]) for key in self._kind.details if known.get(key) is not None]
                texts = [
                    one_line(text) for text in (self._kind.call_item(event.item), event.code, event.message, *details)
                ]
                self._write("  ".join(["error", *texts]), event.created_at)
            case Progress():
                if self._seen is None or self._seen.status != event.status:
                    self._pace = Pace()  # what was done before counts at once when a batch is cut
                self._seen = event
                self._pace.see(Look(monotonic(), event.processed))
                if self._is_worth_a_line(event):
                    self._said, self._said_at = event, monotonic()
                    self._write(self._far(event))
            case Ended():
                self._write(f"{self._name} is {one_line(event.status)}: {_outcome(event)}")
            case Gone():
                self._write(f"{self._name} was deleted")

    def trouble(self, sentence: str) -> None:
        """What does not concern the batch."""
        self._write(sentence)

    def _is_worth_a_line(self, now: Progress) -> bool:
        before = self._said
        if before is None or before.status != now.status or before.total != now.total:
            return True
        since = monotonic() - self._said_at
        is_much = now.processed - before.processed >= now.total / 100
        return since >= (OFTEN_S if is_much else SELDOM_S)

    def _far(self, now: Progress) -> str:
        if not now.total:
            return one_line(now.status)
        average = now.processed / now.run_s if now.run_s and not now.was_set_back else None
        rate = self._pace.items_per_s or average
        words = [
            f"{one_line(now.status)}  {now.processed / now.total:4.0%}  {now.processed:,} of {now.total:,}",
            f"{now.errors:,} in error" if now.errors else "",
            f"{rate:,.0f} per second" if rate else "",
            f"{about((now.total - now.processed) / rate)} left" if rate and now.processed < now.total else "",
        ]
        return ", ".join(filter(None, words))

    def _write(self, line: str, at: str | None = None) -> None:
        moment = datetime.now(UTC) if at is None else datetime.fromisoformat(at)
        if self._latest is not None and timedelta(0) < self._latest - moment < LATE:
            moment = self._latest
        self._latest = moment
        sys.stdout.write(f"{_time(moment)}  {line}\n")
        sys.stdout.flush()


class JsonTicker:
    """Each event as an object with `at`, `event`, `kind` and `batch_id`, and what else is known of it."""

    def __init__(self, kind: Kind, batch_id: int) -> None:
        self._common: Mapping[str, object] = {"kind": kind.name, "batch_id": batch_id}

    def tell(self, event: Event) -> None:
        name = {Entry: "audit", Failed: "error", Progress: "progress", Ended: "ended", Gone: "gone"}[type(event)]
        self._write(name, event._asdict())

    def trouble(self, sentence: str) -> None:
        self._write("trouble", {"trouble": sentence})

    def _write(self, name: str, fields: Mapping[str, object]) -> None:
        found = {"at": datetime.now(UTC).isoformat(), "event": name, **self._common, **fields}
        sys.stdout.write(json.dumps(found, default=for_json) + "\n")
        sys.stdout.flush()


def _action(entry: Entry) -> str:
    known = entry.metadata if isinstance(entry.metadata, dict) else {}
    facts = [say(known[key]) for key, say in FACTS.items() if known.get(key) not in (None, 0, "")]
    was = [f"it was {known['from']}"] if entry.actor != "daemon" and known.get("from") else []
    return one_line(": ".join(filter(None, [f"{entry.action} by {entry.actor}", ", ".join(facts + was)])))


def _instance(name: object) -> str:
    """Without what only makes it unique."""
    host, _, rest = str(name).partition(":")
    pid, _, _ = rest.partition(":")
    return f"instance {host}" + (f", pid {pid}" if pid else "")


FACTS: Mapping[str, Callable[[object], str]] = {  # of an audit entry's metadata, for people
    "items": lambda number: "1 item" if number == 1 else f"{number} items",
    "errors": lambda number: f"{number} in error",
    "instance": _instance,
    "role": lambda role: f"as role {role}",
    "retry_count": lambda number: f"set back {number} ×",  # as on the page
}


def _outcome(ended: Ended) -> str:
    parts: Sequence[str] = [
        one_line(ended.error_message).rstrip(".") if ended.error_message else "",
        f"{count(ended.processed, 'item')} done of {ended.total:,}",
        f"{ended.errors:,} in error" if ended.errors else "",
        f"in {how_long(ended.run_s)}" if ended.run_s is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _time(at: datetime) -> str:
    moment = at.astimezone()
    is_today = moment.date() == datetime.now().astimezone().date()
    return moment.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")
