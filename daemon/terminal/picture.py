"""What `catalogd status` knows at one moment: batches, how fast they are, who is at work, the periodic duties."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from psycopg import Connection

from daemon.batches.attendance import Attendance, may_be_unattended
from daemon.batches.batch import Listed
from daemon.batches.fleet import Hold, Instance, read_holds, read_instances
from daemon.batches.reading import count_open
from daemon.engine.status import BatchStatus
from daemon.terminal.batches import list_batches
from daemon.terminal.duties import DutyRow, read_duties
from daemon.workloads.kind import Kind

Key = tuple[str, int]  # kind of work, number of the batch


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. `instances` is None where they cannot be seen; `recent` are rates over the last seconds, where
    somebody has looked for that long; `unattended` are batches that nobody works on, if somebody has looked twice."""

    listed: Sequence[Listed]
    open: Mapping[str, Mapping[str, int]]  # by kind of work and status; empty for a picture of one batch
    instances: Sequence[Instance] | None
    holds: Sequence[Hold]
    duties: Sequence[DutyRow]
    recent: Mapping[Key, float] = field(default_factory=dict)
    unattended: frozenset[Key] = frozenset()

    def with_rates(self, recent: Mapping[Key, float]) -> "Picture":
        return replace(self, recent=recent)

    def attended(self, attendance: Attendance, at_s: float) -> "Picture":
        """Where no instance is there at all, that is said instead."""
        found = attendance.see(self.listed, self.holds, at_s)
        return replace(self, unattended=found if self.instances != [] else frozenset())

    @property
    def deserves_another_look(self) -> bool:
        return any(may_be_unattended(each, self.holds) for each in self.listed)

    def rate(self, listed: Listed) -> float | None:
        """Items per second: of a running batch the recent ones if they are known."""
        if listed.batch.status == BatchStatus.PROCESSING and listed.key in self.recent:
            return self.recent[listed.key]
        return listed.batch.items_per_s

    def left_s(self, listed: Listed) -> float | None:
        """How long a running batch will take if it goes on like this; None where nobody can tell."""
        return listed.batch.left_at(self.rate(listed))

    def stands_still(self, listed: Listed) -> bool:
        return listed.batch.status == BatchStatus.PROCESSING and self.recent.get(listed.key) == 0

    def holders(self, listed: Listed) -> list[Hold]:
        return [hold for hold in self.holds if (hold.workload, hold.batch_id) == listed.key]

    def batch_as_json(self, listed: Listed) -> dict[str, object]:
        left_s = self.left_s(listed)
        rate = self.rate(listed)
        return listed.as_json | {
            "items_per_s": None if rate is None else round(rate, 2),
            "left_s": None if left_s is None else round(left_s, 1),
            "is_unattended": listed.key in self.unattended,
            "held_by": [
                {"instance": hold.instance, "slices": hold.slices, "items": hold.items} for hold in self.holders(listed)
            ],
        }

    @property
    def as_json(self) -> dict[str, object]:
        return {
            "batches": [self.batch_as_json(listed) for listed in self.listed],
            "open": self.open,
            "instances": None if self.instances is None else [asdict(instance) for instance in self.instances],
            "duties": [asdict(duty) for duty in self.duties],
        }


def read_picture(conn: Connection, kinds: Sequence[Kind], batch_id: int | None) -> Picture:
    """Of everything, or of one batch: then without what is not its own."""
    listed = [each for kind in kinds for each in list_batches(conn, kind, batch_id)]
    return Picture(
        listed=listed,
        open={} if batch_id is not None else {kind.name: count_open(conn, kind) for kind in kinds},
        instances=read_instances(conn),
        holds=read_holds(conn, kinds),
        duties=[] if batch_id is not None else read_duties(conn),
    )
