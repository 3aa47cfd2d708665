"""The kinds of work this daemon does: a new one is one package and one line here."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import structlog

from daemon.engine.workload import Workload
from daemon.errors import ConfigurationError
from daemon.settings import Settings

log = structlog.get_logger()


class Entry(NamedTuple):
    """A kind of work. Its package is imported when the daemon runs, not before; `needs` are an extra's libraries."""

    name: str
    builder: str  # module and function
    extra: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        return all(find_spec(library) is not None for library in self.needs)

    def build(self, settings: Settings) -> Workload:
        module, function = self.builder.split(":")
        build: Callable[[Settings], Workload] = getattr(import_module(module), function)
        return build(settings)


REGISTRY = (
    Entry("categorization", "daemon.workloads.categorization.workload:build_categorization"),
    Entry(
        "price-lists",
        "daemon.workloads.price_lists.workload:build_price_lists",
        extra="price-lists",
        needs=("certifi", "charset_normalizer", "h11", "httpx", "python_calamine", "rapidfuzz"),
    ),
)


def build_workloads(settings: Settings) -> list[Workload]:
    """Those that the settings name; or all whose libraries are installed, and of the others it is told what is missing.

    Raises ConfigurationError for one that is not there.
    """
    named = [name.strip() for name in settings.workloads.split(",") if name.strip()]
    if strange := sorted(set(named) - {entry.name for entry in REGISTRY}):
        known = ", ".join(entry.name for entry in REGISTRY)
        raise ConfigurationError(f"CATALOGD_WORKLOADS: there is no kind of work named {strange[0]}; there are {known}")
    wanted = [entry for entry in REGISTRY if not named or entry.name in named]
    for entry in wanted:
        if not entry.is_installed:
            remedy = f"pip install catalogd[{entry.extra}]"
            if named:
                raise ConfigurationError(f"CATALOGD_WORKLOADS: {entry.name} needs libraries that are missing: {remedy}")
            log.info("workload.absent", workload=entry.name, remedy=remedy)
    return [entry.build(settings) for entry in wanted if entry.is_installed]
