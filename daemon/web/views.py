"""The pages, but for what a kind of work adds to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from urllib.parse import parse_qsl, urlencode

import structlog
from psycopg import Connection

from daemon.batches.attendance import Attendance
from daemon.batches.batch import Listed
from daemon.batches.fleet import read_holds, read_instances
from daemon.batches.reading import MOST_COUNTED, count_open, read_batch
from daemon.engine.queue import Queue
from daemon.web.batches import WINDOW, BatchPage, Filter, read_ended, read_error_page, read_open, read_page
from daemon.web.door import Person
from daemon.web.hour import Hour, read_hour
from daemon.web.visit import Moved, NotDone, NotThere, Shown, Visit, number, words
from daemon.workloads.kind import Kind
from daemon.workloads.pages import Pages

log = structlog.get_logger()

STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
HOUR_LASTS_S = 5.0  # so long the figures of the last hour are shown as they were read
NOTICES = {
    "retry": "The batch waits again: what is left of it is treated once more.",
    "cancel": "The batch is cancelled: what was done stays.",
    "approve": "The prediction is approved.",
    "reject": "The prediction is rejected.",
}
REFUSED = {
    "retry": "Only a batch that has ended can be tried again, and only twice.",
    "cancel": "This batch is not open any more.",
}


@dataclass(frozen=True, slots=True)
class OpenBatches:
    """What is open of a kind of work: the batches that are shown, and how many there are."""

    kind: Kind
    listed: Sequence[Listed]
    number: Mapping[str, int]  # by status


class Hours:
    """The last hour of each kind of work, read once for everybody who looks within a few seconds."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = kinds
        self._lock = Lock()
        self._read_at: float | None = None
        self._hours: list[Hour] = []

    def read(self, conn: Connection) -> list[Hour]:
        with self._lock:
            if self._read_at is None or monotonic() - self._read_at > HOUR_LASTS_S:
                self._hours = [read_hour(conn, kind) for kind in self._kinds]
                self._read_at = monotonic()
            return self._hours


class Views:
    """All views of this process. `pages` are those that kinds of work add, by their name."""

    def __init__(self, kinds: Sequence[Kind], pages: Mapping[str, Pages], instance: str) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        self._pages = pages
        self._hours = Hours(kinds)
        self._instance = instance
        self._attendance = Attendance()

    def overview(self, conn: Connection, _visit: Visit) -> Shown:
        opened = [OpenBatches(kind, read_open(conn, kind), count_open(conn, kind)) for kind in self._kinds.values()]
        ended = [each for kind in self._kinds.values() for each in read_ended(conn, kind)]
        values = {
            "opened": opened,
            "unattended": self._find_unattended(conn, [each for work in opened for each in work.listed]),
            "ended": sorted(ended, key=lambda each: each.batch.completed_s_ago or 0.0)[:12],
            "hours": [hour for hour in self._hours.read(conn) if not hour.is_quiet],
            "window": WINDOW,
            "most_counted": MOST_COUNTED,
            "instances": read_instances(conn),
        }
        return Shown("overview.html", values)

    def list(self, conn: Connection, visit: Visit) -> Shown:
        kind = self._kinds.get(visit.query.get("kind", ""), next(iter(self._kinds.values())))
        status = visit.query.get("status")
        wanted = Filter(
            status=status if status in STATUSES else None,
            with_errors=visit.query.get("errors") == "1",
            created_by=number(visit.query.get("by")),
            text=words(visit.query.get("text")),
        )
        page: BatchPage = read_page(conn, kind, wanted, number(visit.query.get("before")))
        asked = {"kind": kind.name, "status": wanted.status, "by": wanted.created_by, "text": wanted.text}
        asked["errors"] = "1" if wanted.with_errors else None
        values = {
            "kinds": list(self._kinds),
            "kind": kind,
            "statuses": STATUSES,
            "wanted": wanted,
            "page": page,
            "is_first": number(visit.query.get("before")) is None,
            "address": "/batches?" + urlencode({key: value for key, value in asked.items() if value is not None}),
        }
        return Shown("batches.html", values)

    def batch(self, conn: Connection, visit: Visit) -> Shown:
        kind, batch_id = self._find(visit)
        listed = self._read(conn, kind, batch_id)
        code = words(visit.query.get("code"), 200)
        pages = self._pages.get(kind.name)
        values = {
            "each": listed,
            "unattended": self._find_unattended(conn, [listed]),
            "code": code,
            "errors": read_error_page(conn, kind, batch_id, code, number(visit.query.get("after")) or 0),
            "section": pages.batch(conn, batch_id, visit.query) if pages else None,
            "notice": NOTICES.get(visit.query.get("done", "")),
            "address": f"/batches/{kind.name}/{batch_id}",
            "asked": urlencode({key: value for key, value in visit.query.items() if key != "done"}),
        }
        return Shown("batch.html", values)

    def progress(self, conn: Connection, visit: Visit) -> Shown:
        """What moves on a batch's page."""
        listed = self._read(conn, *self._find(visit))
        values = {"each": listed, "unattended": self._find_unattended(conn, [listed]), "is_new": True}
        return Shown("_progress.html", values)

    def own(self, conn: Connection, visit: Visit) -> Shown:
        pages = self._pages.get(visit.path["kind"])
        page = pages.own.get(visit.path["name"]) if pages else None
        if page is None:
            raise NotThere("There is no such page.")
        section = page.view(conn, visit.query)
        return Shown("own.html", {"title": page.title, "section": section, "kind_name": visit.path["kind"]})

    def order(self, conn: Connection, visit: Visit) -> Moved:
        """Retry or cancel a batch, as the commands do."""
        (kind, batch_id), order = self._find(visit), visit.path["order"]
        queue = Queue(kind.name, kind.table, self._instance)
        orders = {"retry": queue.retry, "cancel": queue.cancel}
        if order not in orders:
            raise NotThere("There is no such order.")
        with conn.transaction():
            _say_who(conn, visit.person)
            is_done = orders[order](conn, batch_id)
        if not is_done:
            raise NotDone(REFUSED[order])
        log.info("web.acted", act=order, workload=kind.name, batch_id=batch_id, user=_user(visit.person))
        return Moved(f"/batches/{kind.name}/{batch_id}?done={order}")

    def act(self, conn: Connection, visit: Visit) -> Moved:
        """What a kind of work lets people do, such as to approve a prediction."""
        pages, name = self._pages.get(visit.path["kind"]), visit.path["act"]
        act, subject = pages.acts.get(name) if pages else None, number(visit.path["id"])
        if act is None or subject is None:
            raise NotThere("There is no such order.")
        with conn.transaction():
            _say_who(conn, visit.person)
            batch_id = act(conn, subject)
        if batch_id is None:
            raise NotDone("It is not there any more, or something newer has taken its place.")
        log.info("web.acted", act=name, workload=visit.path["kind"], subject=subject, user=_user(visit.person))
        asked = [pair for pair in parse_qsl(visit.form.get("asked", ""), max_num_fields=20) if pair[0] != "done"]
        query = urlencode([*asked, ("done", name)])
        return Moved(f"/batches/{visit.path['kind']}/{batch_id}?{query}#item-{subject}")

    def _find_unattended(self, conn: Connection, listed: Sequence[Listed]) -> frozenset[tuple[str, int]]:
        """What is seen at the second look, be it at another page."""
        if not any(each.batch.is_open for each in listed):
            return frozenset()
        return self._attendance.see(listed, read_holds(conn, list(self._kinds.values())), monotonic())

    def _find(self, visit: Visit) -> tuple[Kind, int]:
        kind, batch_id = self._kinds.get(visit.path["kind"]), number(visit.path["id"])
        if kind is None or batch_id is None:
            raise NotThere("There is no such batch.")
        return kind, batch_id

    def _read(self, conn: Connection, kind: Kind, batch_id: int) -> Listed:
        listed = read_batch(conn, kind, batch_id)
        if listed is None:
            raise NotThere(f"There is no batch {batch_id} of {kind.name}.")
        return listed


def _say_who(conn: Connection, person: Person | None) -> None:
    """For the audit log, in the caller's transaction: a decision by this page is a person's."""
    conn.execute(
        "SELECT set_config('catalogd.actor', 'operator', true), set_config('catalogd.user', %s, true)",
        (str(_user(person) or ""),),
    )


def _user(person: Person | None) -> int | None:
    return person.user if person else None
