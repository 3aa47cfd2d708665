"""The kinds of work this daemon does: a new one is one package and one line here."""

from collections.abc import Callable

from daemon.engine.workload import Workload
from daemon.settings import Settings
from daemon.workloads.categorization.workload import build_categorization

BUILDERS: tuple[Callable[[Settings], Workload], ...] = (build_categorization,)


def build_workloads(settings: Settings) -> list[Workload]:
    return [build(settings) for build in BUILDERS]
