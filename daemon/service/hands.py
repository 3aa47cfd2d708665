"""The threads that work: for each kind its workers and preparers, and for all of them the schedule."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from daemon import __version__
from daemon.engine.backoff import Backoff
from daemon.engine.company import Company
from daemon.engine.preparation import Preparations
from daemon.engine.preparer import Crew, Preparer
from daemon.engine.queue import Queue, Timing
from daemon.engine.schedule import Schedule
from daemon.engine.slice import SliceRunner, Suspicion
from daemon.engine.wakeup import Wakeup
from daemon.engine.worker import Lookout, Pace, Worker
from daemon.engine.workload import Workload
from daemon.service.audience import Audience
from daemon.service.ground import Ground
from daemon.service.rest import Rest
from daemon.service.roster import Roster, spare

SHORTEST_LEASE = timedelta(seconds=5)  # whoever holds a batch says so once a second or so


@dataclass(frozen=True, slots=True)
class Hands:
    """All of them; those of one kind of work share a lookout."""

    lookouts: Sequence[Lookout]
    workers: Sequence[Worker]
    preparers: Sequence[Preparer]
    schedule: Schedule | None

    @property
    def others(self) -> Sequence[Preparer | Schedule]:
        """Who is no worker."""
        return [*self.preparers, *([self.schedule] if self.schedule else [])]


def build_hands(ground: Ground, roster: Roster, audience: Audience, rest: Rest | None) -> Hands:
    """With a `rest` to come to they do what is open, and no duties."""
    company = Company(patience=ground.settings.frozen / 4)
    teams = [Team(ground, audience, company, workload, rest) for workload in roster.workloads]
    return Hands(
        lookouts=[team.lookout for team in teams],
        workers=[worker for team in teams for worker in team.workers()],
        preparers=[preparer for team in teams for preparer in team.preparers()],
        schedule=build_schedule(ground, roster) if rest is None else None,
    )


class Team:
    """Builds the hands of one kind of work."""

    def __init__(
        self, ground: Ground, audience: Audience, company: Company, workload: Workload, rest: Rest | None
    ) -> None:
        pace = Pace(safety_poll=ground.settings.poll)
        on_look = partial(rest.look, workload.name) if rest is not None else lambda _: None
        self.lookout = Lookout(Wakeup(ground.life), pace, on_look, Wakeup(ground.life), workload.table.name)
        self._ground = ground
        self._audience = audience
        self._company = company
        self._workload = workload
        self._queue = Queue(workload.name, workload.table, ground.instance, _timing(ground.settings.frozen))
        self._suspicion = Suspicion()

    def workers(self) -> list[Worker]:
        return [self._worker(number) for number in range(1, self._workload.workers + 1)]

    def preparers(self) -> list[Preparer]:
        crew = Crew(spare([self._workload]) or 1)
        return [self._preparer(number, crew) for number in range(1, self._workload.preparers + 1)]

    def _worker(self, number: int) -> Worker:
        ground, audience = self._ground, self._audience
        return Worker(
            f"{ground.instance}/{self._workload.name}-{number}",
            ground.pool,
            self._queue,
            SliceRunner(self._queue, self._workload, backoff(), ground.cancelled, self._suspicion, audience.telemetry),
            self.lookout,
            self._company,
            ground.stop,
            backoff(longest_s=2.0),
            audience.readiness,
            ground.life,
            audience.telemetry,
        )

    def _preparer(self, number: int, crew: Crew) -> Preparer:
        ground = self._ground
        return Preparer(
            f"{ground.instance}/{self._workload.name}-preparer-{number}",
            ground.pool,
            Preparations(self._queue),
            self._workload,
            crew,
            self.lookout.preparers,
            self.lookout.wakeup,
            ground.stop,
            backoff(longest_s=2.0),
            backoff(first_s=1.0, longest_s=300.0),
            ground.life,
            self._audience.telemetry,
        )


def backoff(first_s: float = 0.1, longest_s: float = 30.0) -> Backoff:
    return Backoff(random.Random(), first_s, longest_s)  # noqa: S311  # jitter


def _timing(frozen: timedelta) -> Timing:
    return Timing(frozen=frozen, endless=10 * frozen, lease=max(frozen / 2, SHORTEST_LEASE))


def build_schedule(ground: Ground, roster: Roster) -> Schedule | None:
    """None where nothing is to be done but batches."""
    duties = [duty for workload in roster.workloads for duty in workload.duties()]
    if not duties:
        return None
    return Schedule(
        lambda: ground.session.connect("schedule"),
        duties,
        ground.instance,
        __version__,
        ground.stop,
        backoff(),
        random.Random(),  # noqa: S311  # jitter
        life=ground.life,
    )
