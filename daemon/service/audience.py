"""Who is told what happens: systemd's status line, the figures, and whoever asks how it fares."""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon import __version__
from daemon.engine.doing import Acting, Doing
from daemon.engine.readiness import Readiness
from daemon.engine.supervisor import Outside
from daemon.engine.telemetry import Several, Telemetry
from daemon.herald import Herald
from daemon.monitoring.health import Health, LastLook
from daemon.monitoring.monitor import Monitor
from daemon.monitoring.questions import questions
from daemon.monitoring.survey import Survey
from daemon.monitoring.tally import Tally
from daemon.service.ground import Ground
from daemon.service.roster import Roster
from daemon.systemd import Notifier

if TYPE_CHECKING:
    from daemon.monitoring.exposition import Exposition

SCRAPE_PATIENCE = timedelta(seconds=2)  # for a connection: who looks at figures need not wait for a server that is away


@dataclass(frozen=True, slots=True)
class Audience:
    """What the engine tells goes to `telemetry` and `readiness`; what the supervisor tells, to `outside`."""

    telemetry: Telemetry
    readiness: Readiness
    acting: list[Acting]  # of these the status line tells what they do; they are added once they are built
    herald: Herald
    last_look: LastLook
    health: Health
    monitor: Monitor | None

    def outside(self, show_page: Callable[[], object], reload: Callable[[], object]) -> Outside:
        return Outside(
            ready=lambda: self._open_up(show_page),
            alive=self._look,
            reload=lambda: self.herald.reload(reload),
            stopping=self._end,
            draining=self.herald.draining,
        )

    def _open_up(self, show_page: Callable[[], object]) -> None:
        self.herald.ready()
        if self.monitor is not None:
            self.monitor.start()
        show_page()
        gc.collect()
        gc.freeze()  # what is there now stays: to go through it again and again took 6 % of the time beside a page

    def _look(self) -> None:
        self.last_look.look()
        self.herald.alive()

    def _end(self, longest: timedelta) -> None:
        self.health.stop()
        self.herald.stopping(longest)


def build_audience(ground: Ground, roster: Roster, notifier: Notifier, *, serves_figures: bool) -> Audience:
    acting: list[Acting] = []
    doing, readiness = Doing(roster.workers, acting), Readiness()
    tally, last_look = Tally(workload.name for workload in roster.workloads), LastLook()
    health = Health(last_look.trouble, lambda: readiness.trouble, lambda: tally.listener, lambda: tally.why_lost)
    address = ground.settings.metrics_address if serves_figures else None
    return Audience(
        telemetry=Several(doing, tally) if address else doing,
        readiness=readiness,
        acting=acting,
        herald=Herald(notifier, doing, readiness),
        last_look=last_look,
        health=health,
        monitor=_build_monitor(address, ground, roster, tally, health) if address else None,
    )


def _build_monitor(address: tuple[str, int], ground: Ground, roster: Roster, tally: Tally, health: Health) -> Monitor:
    hasty = replace(ground.session, connect_timeout=SCRAPE_PATIENCE)
    survey = Survey(lambda: hasty.connect("metrics"), questions(roster.workloads))

    def build() -> "Exposition":
        from daemon.monitoring.exposition import Exposition  # what it imports takes a while, and READY does not wait

        return Exposition(__version__, roster.workloads, tally, health, ground.pool, survey)

    return Monitor(address, build, health, survey)
