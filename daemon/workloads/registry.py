"""The kinds of work this daemon does: a new one is one package and one line here.

Nothing of a package is imported before it is wanted: a command that only names the kinds is quick, and needs no extra.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from daemon.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.engine.workload import Workload
    from daemon.settings import Settings, SettingsGroup
    from daemon.workloads.kind import Kind
    from daemon.workloads.pages import Pages


class Entry(NamedTuple):
    """A kind of work; `needs` are the libraries of an extra."""

    name: str
    kind: str  # module and constant: what commands know of it
    builder: str  # module and function: imported when the daemon runs, not before
    extra: str | None = None
    needs: tuple[str, ...] = ()
    settings: str | None = None  # module and class: those of its own
    pages: str | None = None  # module and function: imported when the page is shown

    @property
    def is_installed(self) -> bool:
        return all(find_spec(library) is not None for library in self.needs)

    def build(self, settings: Settings) -> Workload:
        build: Callable[[Settings], Workload] = _find(self.builder)
        return build(settings)

    def describe(self) -> Kind:
        kind: Kind = _find(self.kind)
        return kind

    def open_pages(self) -> Pages | None:
        """What it adds to the page people look at."""
        open_pages: Callable[[], Pages] | None = _find(self.pages) if self.pages else None
        return open_pages() if open_pages else None


REGISTRY = (
    Entry(
        "categorization",
        "daemon.workloads.categorization.kind:KIND",
        "daemon.workloads.categorization.workload:build_categorization",
        pages="daemon.workloads.categorization.pages:open_pages",
    ),
    Entry(
        "price-lists",
        "daemon.workloads.price_lists.kind:KIND",
        "daemon.workloads.price_lists.workload:build_price_lists",
        extra="price-lists",
        needs=("certifi", "charset_normalizer", "h11", "httpx", "python_calamine", "rapidfuzz"),
        settings="daemon.workloads.price_lists.settings:PriceListSettings",
    ),
)


def build_workloads(settings: Settings) -> list[Workload]:
    """Those that the settings name; or all whose libraries are installed, and of the others it is told what is missing.

    Raises ConfigurationError for one that is not there.
    """
    import structlog

    log = structlog.get_logger()
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


def settings_groups() -> list[type[SettingsGroup]]:
    """All settings there are: the daemon's own, and those of the kinds of work whose libraries are installed."""
    from daemon.settings import Settings

    return [Settings, *(_find(entry.settings) for entry in REGISTRY if entry.settings and entry.is_installed)]


def _find(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
